# The numbers of the shipped review again, with R and metafor, from the printed numbers of the evidence.
#
#     Rscript validation/knee_oa.R   # from the root of the repository; writes knee_oa.json and knee_oa_arms.csv
#
# knee_oa_effects.csv says which arms each synthesis uses. Everything after that choice is made here: standard
# deviations, pooled subgroups, the 0-100 scale, effects, the covariance that a shared comparator brings, pooling,
# intervals.

suppressPackageStartupMessages({
  library(metafor)
  library(clubSandwich)
  library(jsonlite)
})

source("validation/knee_oa_printed.R")
listed <- read("validation/knee_oa_effects.csv")

sides <- function(rows, column) {
  do.call(rbind, lapply(seq_len(nrow(rows)), function(i) {
    row <- rows[i, ]
    arm_numbers(
      row$study_id, row[[column]], row$outcome, row$measure, row$scale, row$timepoint, row$statistic
    )
  }))
}

# ---- Effects and their covariance ---------------------------------------------------------------------------------

effects_of <- function(rows, shared) {
  treated <- sides(rows, "arm_id")
  if (rows$effect[1] == "MC") {
    found <- escalc("MN", mi = treated$mean, sdi = treated$sd, ni = treated$n)
    return(list(yi = c(found$yi), V = diag(found$vi, nrow(rows)), treated = treated, control = NULL))
  }
  control <- sides(rows, "comparator_id")
  same <- outer(rows$study_id, rows$study_id, "==")
  arms_of <- rowSums(same)
  if (rows$effect[1] == "RR") {
    cells <- list(ai = treated$events, bi = treated$n - treated$events, ci = control$events, di = control$n - control$events)
    # One half for every arm of a study with any empty cell, so that the shared comparator stays one group.
    add <- 0.5 * any(unlist(cells) == 0)
    found <- do.call(escalc, c(list("RR", add = add, to = "all"), cells))
    share <- 1 / (control$events + add) - 1 / (control$n + 2 * add)
  } else if (rows$effect[1] == "MD") {
    n2 <- if (shared == "split") control$n / arms_of else control$n
    found <- escalc("MD", m1i = treated$mean, sd1i = treated$sd, n1i = treated$n, m2i = control$mean, sd2i = control$sd, n2i = n2)
    share <- control$sd^2 / control$n
  } else {
    found <- escalc(
      "SMD", vtype = "LS",
      m1i = treated$mean, sd1i = treated$sd, n1i = treated$n, m2i = control$mean, sd2i = control$sd, n2i = control$n
    )
    share <- 1 / control$n
  }
  V <- diag(found$vi, nrow(rows))
  if (shared == "covariance") {
    between <- same * share
    if (rows$effect[1] == "SMD") {
      everyone <- control$n + c(same %*% treated$n)
      between <- same * (share + outer(c(found$yi), c(found$yi)) / (2 * everyone))
    }
    V <- ifelse(diag(nrow(rows)) == 1, V, between)
  }
  list(yi = c(found$yi), V = V, treated = treated, control = control)
}

# ---- Pooling --------------------------------------------------------------------------------------------------------

tight_uni <- list(threshold = 1e-12, maxiter = 10000)
tight_mv <- list(optimizer = "optim", optmethod = "BFGS", reltol = 1e-15, maxit = 10000)

# One variance belongs to the groups; a second one, of the three-level model, to every effect within them.
parts_at <- function(yi, X, V, tau2, group) {
  Z <- outer(group, unique(group), "==") * 1
  own <- if (length(tau2) == 2) tau2[2] else 0
  W <- solve(V + tau2[1] * Z %*% t(Z) + diag(own, length(yi)))
  vb <- solve(t(X) %*% W %*% X)
  b <- c(vb %*% t(X) %*% W %*% yi)
  r <- yi - c(X %*% b)
  list(b = b, vb = vb, W = W, Q = c(t(r) %*% W %*% r))
}

# tau2 at which the generalised Q reaches a quantile of chi-squared; 0 when it never does.
q_profile <- function(yi, X, V, group) {
  df <- length(yi) - ncol(X)
  limit <- function(p) {
    gap <- function(tau2) parts_at(yi, X, V, tau2, group)$Q - qchisq(p, df)
    if (gap(0) <= 0) return(0)
    if (gap(1e6) > 0) return(NA_real_)
    uniroot(gap, c(0, 1e6), tol = 1e-12, maxiter = 10000)$root
  }
  c(limit(0.975), limit(0.025))
}

# Standard errors and intervals at a tau2. Knapp-Hartung is written out: r' W r / (n - p), and t with as many
# degrees of freedom as there are independent groups of estimates less coefficients (rma.mv has no such option).
intervals <- function(yi, X, V, tau2, group, blocks, test) {
  at <- parts_at(yi, X, V, tau2, group)
  n <- length(yi)
  p <- ncol(X)
  factor <- if (test == "knha") at$Q / (n - p) else 1
  df <- if (test == "z") Inf else blocks - p
  se <- sqrt(unname(diag(at$vb)) * factor)
  crit <- qt(0.975, df)
  list(
    b = unname(at$b), se = se, ci.lb = at$b - crit * se, ci.ub = at$b + crit * se,
    pval = 2 * pt(-abs(at$b / se), df), ddf = if (is.finite(df)) df else NULL, factor = factor,
    vb = at$vb, W = at$W
  )
}

# CR2 by clubSandwich, with studies as clusters. With fewer than 4 degrees of freedom for a coefficient it stays only
# where its interval of that coefficient is the wider one; otherwise the planned interval is used.
robust <- function(fit, study, planned) {
  found <- conf_int(fit, vcov = "CR2", cluster = study, test = "Satterthwaite", p_values = TRUE)
  weakest <- which.min(found$df)
  width <- found$CI_U - found$CI_L
  if (found$df[weakest] < 4 && width[weakest] <= (planned$ci.ub - planned$ci.lb)[weakest]) return(planned)
  modifyList(planned, list(
    b = found$beta, se = found$SE, ci.lb = found$CI_L, ci.ub = found$CI_U, pval = found$p_val, ddf = found$df,
    interval = "CR2"
  ))
}

fit_model <- function(yi, V, study, random, tau2, test, dependent = NULL, X = matrix(1, length(yi), 1)) {
  n <- length(yi)
  p <- ncol(X)
  several <- anyDuplicated(study) > 0
  if (random == "study/effect" && !several) random <- "study"
  # One effect per study: the random effect of a study is that of its row, which rma.uni fits too.
  if (random == "study" && !anyDuplicated(study)) random <- "effect"
  by_study <- random %in% c("study", "study/effect")
  group <- if (by_study) study else seq_len(n)
  # Independent blocks: joined by a shared random effect or by a covariance.
  joined <- outer(study, study, "==") & (by_study | V != 0)
  blocks <- length(unique(if (any(joined[row(V) != col(V)])) study else seq_len(n)))
  data <- data.frame(study = study, effect = seq_len(n))
  name <- "rma.mv"
  if (random == "none") {
    fit <- rma.mv(yi, V, mods = X, intercept = FALSE, data = data)
    found <- 0
  } else if (random == "effect") {
    name <- "rma.uni"
    uni_test <- if (test == "knha") "knha" else "z"
    fit <- rma.uni(yi, diag(V), mods = X, intercept = FALSE, method = tau2, test = uni_test, control = tight_uni)
    found <- fit$tau2
  } else {
    levels <- if (random == "study") ~ 1 | study else ~ 1 | study/effect
    fit <- rma.mv(
      yi, V, mods = X, intercept = FALSE, random = levels, data = data, method = tau2, control = tight_mv
    )
    found <- fit$sigma2
  }
  plain <- intervals(yi, X, V, found, group, blocks, "z")
  stopifnot(all.equal(c(fit$b), unname(plain$b), tolerance = 1e-10))
  if (name == "rma.mv") stopifnot(all.equal(unname(fit$se), plain$se, tolerance = 1e-10))
  told <- intervals(yi, X, V, found, group, blocks, test)
  if (name == "rma.uni") stopifnot(all.equal(unname(fit$se), told$se, tolerance = 1e-10))
  told$interval <- test
  if (several && identical(dependent, "CR2")) told <- robust(fit, study, told)
  total <- sum(found)
  at_0 <- parts_at(yi, X, V, 0, group)
  trace <- sum(diag(at_0$W - at_0$W %*% X %*% at_0$vb %*% t(X) %*% at_0$W))
  typical <- (n - p) / trace
  limits <- c(NA_real_, NA_real_)
  if (random != "none" && length(found) == 1) limits <- q_profile(yi, X, V, group)
  if (name == "rma.uni") {
    check <- confint(fit, control = list(tol = 1e-12, tau2.max = 1e5))$random["tau^2", 2:3]
    stopifnot(all.equal(unname(check), limits, tolerance = 1e-8))
  }
  prediction <- c(NA_real_, NA_real_)
  if (random != "none" && p == 1 && blocks > 2) {
    half <- qt(0.975, blocks - 2) * sqrt(total + plain$vb[1, 1])
    prediction <- told$b + c(-half, half)
  }
  others <- NULL
  if (name == "rma.uni" && told$interval == "knha" && p == 1) {
    native <- predict(fit)
    others <- list(metafor.pi.lb = native$pi.lb, metafor.pi.ub = native$pi.ub)
  }
  if (length(found) == 1 && name == "rma.mv" && random == "study" && p == 1 && tau2 == "REML") {
    profile <- confint(fit)$random["sigma^2", 2:3]
    others <- list(metafor.tau2.profile.lb = profile[[1]], metafor.tau2.profile.ub = profile[[2]])
  }
  i2 <- if (random == "none") 100 * max(0, 1 - (n - p) / at_0$Q) else 100 * total / (total + typical)
  c(list(
    "function" = name, k = length(unique(study)), effects = n,
    b = told$b, se = told$se, ci.lb = told$ci.lb, ci.ub = told$ci.ub, pval = told$pval, ddf = told$ddf,
    interval = told$interval, se.plain = plain$se,
    knha.factor = if (told$interval == "knha") told$factor else NULL,
    tau2 = if (random == "none") NULL else total,
    tau2.between = if (length(found) == 2) found[1] else NULL,
    tau2.within = if (length(found) == 2) found[2] else NULL,
    tau2.ci.lb = limits[1], tau2.ci.ub = limits[2], I2 = i2,
    QE = fit$QE, QEdf = n - p, QEp = fit$QEp, pi.lb = prediction[1], pi.ub = prediction[2],
    logLik = c(logLik(fit)), weights = if (p == 1) 100 * rowSums(told$W) / sum(told$W) else NULL
  ), others)
}

# A study alone: its own estimate with a normal interval, its arms joined by generalised least squares.
fit_single <- function(yi, V) {
  W <- solve(V)
  se <- sqrt(1 / sum(W))
  b <- sum(W %*% yi) / sum(W)
  list(
    k = 1, effects = length(yi), b = b, se = se, ci.lb = b - qnorm(0.975) * se, ci.ub = b + qnorm(0.975) * se,
    pval = 2 * pnorm(-abs(b / se))
  )
}

settings_of <- function(variant) {
  plan <- list(random = "study/effect", tau2 = "REML", test = "knha", dependent = "CR2", shared = "covariance")
  change <- switch(variant,
    "bridge-1" = , "bridge-2" = list(random = "effect", tau2 = "DL", test = "z", shared = "ignored"),
    "bridge-3" = list(random = "effect", test = "z", shared = "ignored"),
    "bridge-4" = list(random = "study", test = "z"),
    "bridge-5" = , "as-first-planned" = , "as-first-planned-6-months" = list(random = "study", test = "knha"),
    "split-control" = list(random = "effect", shared = "split"),
    "maximum-likelihood" = list(tau2 = "ML"),
    "common-effect" = list(random = "none", test = "z"),
    list()
  )
  # A variant that names an interval means it for every synthesis.
  if ("test" %in% names(change)) plan$dependent <- NULL
  modifyList(plan, change)
}

describe <- function(rows, found) {
  list(
    effect_id = paste(rows$study_id, rows$arm_id, sep = ":"), yi = found$yi, V = found$V
  )
}

pool_one <- function(rows) {
  s <- settings_of(rows$variant[1])
  found <- effects_of(rows, s$shared)
  # Both were computed from the printed numbers, here and in Synovia, by code that shares nothing.
  stopifnot(
    all.equal(found$yi, rows$estimate, tolerance = 1e-12),
    all.equal(diag(found$V), rows$variance, tolerance = 1e-12)
  )
  single <- length(unique(rows$study_id)) == 1
  fit <- if (single) fit_single(found$yi, found$V) else {
    fit_model(found$yi, found$V, rows$study_id, s$random, s$tau2, s$test, s$dependent)
  }
  c(list(model = s), describe(rows, found), fit)
}

key_of <- function(rows) paste(rows$synthesis_id[1], rows$variant[1], sep = "|")

# ---- Meta-regression and subgroups of hyaluronic acid against saline ---------------------------------------------

product_of <- function(rows) {
  arms$product[match(paste(rows$study_id, rows$arm_id), paste(arms$study_id, arms$arm_id))]
}

regress <- function(rows) {
  found <- effects_of(rows, "covariance")
  n_per_100 <- (found$treated$n + found$control$n) / 100
  c(list(n_per_100 = n_per_100), fit_model(
    found$yi, found$V, rows$study_id, "study/effect", "REML", "knha", "CR2",
    X = cbind(Intercept = 1, n_per_100 = n_per_100)
  ))
}

by_product <- function(rows) {
  found <- effects_of(rows, "covariance")
  product <- product_of(rows)
  levels <- sort(unique(product), method = "radix")
  fits <- lapply(levels, function(level) {
    inside <- which(product == level)
    V <- found$V[inside, inside, drop = FALSE]
    if (length(unique(rows$study_id[inside])) == 1) return(fit_single(found$yi[inside], V))
    fit_model(found$yi[inside], V, rows$study_id[inside], "study/effect", "REML", "knha", "CR2")
  })
  names(fits) <- levels
  pooled <- fits[vapply(fits, function(fit) fit$k > 1, TRUE)]
  list(levels = fits, difference = compare_levels(rows, found, product, pooled))
}

# The levels that pooled something, against each other: as independent results, and with the correlation that arms of
# one study in two levels bring through their shared comparator.
compare_levels <- function(rows, found, product, pooled) {
  if (length(pooled) < 2) return(NULL)
  b <- vapply(pooled, function(fit) fit$b, 0)
  se <- vapply(pooled, function(fit) fit$se, 0)
  L <- cbind(-1, diag(length(b) - 1))
  wald <- function(C) c(t(L %*% b) %*% solve(L %*% C %*% t(L), L %*% b))
  H <- matrix(0, length(b), length(product))
  for (i in seq_along(b)) H[i, product == names(pooled)[i]] <- pooled[[i]]$weights / 100
  plain <- vapply(pooled, function(fit) fit$se.plain, 0)
  correlation <- H %*% found$V %*% t(H) / outer(plain, plain)
  diag(correlation) <- 1
  joint <- correlation * outer(se, se)
  df <- length(b) - 1
  list(
    QM = wald(diag(se^2)), QMdf = df, QMp = pchisq(wald(diag(se^2)), df, lower.tail = FALSE),
    QM.shared = wald(joint), QMp.shared = pchisq(wald(joint), df, lower.tail = FALSE)
  )
}

# ---- All of it ----------------------------------------------------------------------------------------------------

keys <- paste(listed$synthesis_id, listed$variant, sep = "|")
blocks <- split(listed, factor(keys, unique(keys)))
syntheses <- lapply(blocks, pool_one)

explained <- blocks[c("ha-vs-saline-pain-3-months|primary", "ha-vs-saline-pain-6-months|primary")]
names(explained) <- sub("[|].*", "", names(explained))

# Every whole arm that prints a mean with its SD or SE, or events, on its own row or in subgroups.
whole <- function() {
  part_of <- arms$part_of[match(paste(outcomes$study_id, outcomes$arm_id), paste(arms$study_id, arms$arm_id))]
  place <- c("study_id", "arm_id", "outcome", "measure", "scale", "timepoint", "statistic")
  all <- outcomes
  all$arm_id <- ifelse(is.na(part_of), all$arm_id, part_of)
  spread <- !is.na(all$sd) | !is.na(all$se)
  numbers <- all$use == "yes" & !is.na(all$n) & ((!is.na(all$mean) & spread) | !is.na(all$events))
  rows <- unique(all[numbers, place])
  cbind(rows[c("study_id", "arm_id", "outcome", "measure", "timepoint", "statistic")], sides(rows, "arm_id"))
}
in_full <- function(x) ifelse(is.na(x), "", formatC(x, digits = 15, format = "g"))
arm_data <- whole()
arm_data[c("n", "mean", "sd", "events")] <- lapply(arm_data[c("n", "mean", "sd", "events")], in_full)
write.csv(arm_data, "validation/knee_oa_arms.csv", row.names = FALSE, na = "", fileEncoding = "UTF-8")

answer <- list(
  versions = list(
    R = R.version.string, metafor = as.character(packageVersion("metafor")),
    clubSandwich = as.character(packageVersion("clubSandwich"))
  ),
  syntheses = syntheses,
  regressions = lapply(explained, regress),
  subgroups = lapply(explained, by_product)
)
writeLines(
  toJSON(answer, digits = NA, auto_unbox = TRUE, na = "null", null = "null", pretty = 1),
  "validation/knee_oa.json"
)
cat(answer$versions$R, ", metafor ", answer$versions$metafor, ": ", length(syntheses), " syntheses\n", sep = "")
