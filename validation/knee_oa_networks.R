# The networks and the course of the shipped review again, with R and metafor, from the printed numbers.
#
#     Rscript validation/knee_oa_networks.R   # from the root of the repository; writes knee_oa_networks.json
#
# knee_oa_groups.csv says which arms stand in which group. Everything after that is made here.

suppressPackageStartupMessages({
  library(metafor)
  library(jsonlite)
})
source("validation/knee_oa_printed.R")
groups <- read("validation/knee_oa_groups.csv")
KNOTS <- c(4, 12, 26, 52)
SMALLEST <- 50 # people in every group, in the variant of large trials of the course
MID <- 9.7
PRIOR <- 10 # scale of the half-normal prior of tau
DRAWS <- 4e6

# n, mean and SD of every group: its arms joined through sums and sums of squares, then brought to 0-100.
group_numbers <- function(rows) {
  key <- do.call(paste, c(rows[c("study_id", "group", "weeks")], sep = "|"))
  parts <- split(rows, factor(key, unique(key)))
  do.call(rbind, lapply(parts, function(part) {
    one <- part[1, ]
    found <- arm_numbers(one$study_id, part$arm_id, one$outcome, one$measure, one$scale, one$timepoint, one$statistic)
    cbind(one[c("study_id", "group", "weeks")], found[c("n", "mean", "sd")])
  }))
}

tight <- list(optimizer = "optim", optmethod = "BFGS", reltol = 1e-15, maxit = 10000)

# ---- Networks -----------------------------------------------------------------------------------------------------

# Trials that hang together with saline, each as comparisons with its first group.
connected <- function(arms) {
  inside <- "saline"
  repeat {
    studies <- arms$study_id[arms$group %in% inside]
    more <- unique(arms$group[arms$study_id %in% studies])
    if (all(more %in% inside)) break
    inside <- union(inside, more)
  }
  arms[arms$group %in% inside, ]
}

compare <- function(arms) {
  nodes <- sort(unique(arms$group), method = "radix")
  nodes <- c("saline", setdiff(nodes, "saline"))
  arms <- arms[order(match(arms$study_id, unique(arms$study_id)), match(arms$group, nodes)), ]
  v <- arms$sd^2 / arms$n
  rows <- do.call(rbind, lapply(split(seq_len(nrow(arms)), match(arms$study_id, unique(arms$study_id))), function(own) {
    first <- own[1]
    others <- own[-1]
    data.frame(study = arms$study_id[first], baseline = arms$group[first], arm = arms$group[others],
               position = seq_along(others), yi = arms$mean[others] - arms$mean[first], vi = v[others] + v[first],
               shared = v[first], design = paste(sort(arms$group[own], method = "radix"), collapse = ":"))
  }))
  same <- outer(rows$study, rows$study, "==")
  V <- same * rows$shared
  diag(V) <- rows$vi
  X <- sapply(nodes[-1], function(node) (rows$arm == node) - (rows$baseline == node))
  # Random effects of comparisons within a trial have covariance tau2 / 2.
  M <- same * (0.5 + 0.5 * diag(nrow(rows)))
  list(rows = rows, V = V, X = X, M = M, nodes = nodes)
}

fit_network <- function(net, X = net$X, tau2 = NULL) {
  fixed <- list(yi = net$rows$yi, V = net$V, mods = X, intercept = FALSE, data = net$rows)
  if (!is.null(tau2) && tau2 == 0) return(do.call(rma.mv, fixed))
  several <- any(net$rows$position > 1)
  random <- if (several) list(random = ~ factor(position) | study, struct = "CS", rho = 0.5, tau2 = tau2) else
    list(random = ~ 1 | study, sigma2 = tau2)
  do.call(rma.mv, c(fixed, random, list(control = tight)))
}

variance_of <- function(fit) if (fit$withG) fit$tau2 else fit$sigma2

pairs_of <- function(nodes) t(combn(seq_along(nodes), 2))

# Rows of contrasts between two nodes, the first of them less the second; the first node of all is the reference.
contrast <- function(nodes, one, other) {
  full <- diag(length(nodes))[, -1, drop = FALSE]
  full[one, ] - full[other, ]
}

league <- function(net, fit) {
  tau2 <- variance_of(fit)
  df <- nrow(net$rows) - ncol(net$X)
  reach <- qt(0.975, df)
  apply(pairs_of(net$nodes), 1, function(pair) {
    L <- matrix(contrast(net$nodes, pair[1], pair[2]), 1)
    b <- c(L %*% fit$beta)
    se <- c(sqrt(L %*% fit$vb %*% t(L)))
    spread <- sqrt(se^2 + tau2)
    list(node = net$nodes[pair[1]], comparator = net$nodes[pair[2]], b = b, se = se, pval = 2 * pnorm(-abs(b / se)),
         ci.lb = b - qnorm(0.975) * se, ci.ub = b + qnorm(0.975) * se, pi.lb = b - reach * spread,
         pi.ub = b + reach * spread)
  }, simplify = FALSE)
}

# Effects of every design of its own: the columns of its comparisons, without those that hang on the others.
design_columns <- function(net) {
  parts <- lapply(unique(net$rows$design), function(design) {
    X <- net$X * (net$rows$design == design)
    X[, qr(X)$pivot[seq_len(qr(X)$rank)], drop = FALSE]
  })
  do.call(cbind, parts)
}

# Columns that the effects of designs add to those of the network.
added_columns <- function(net) {
  all <- cbind(net$X, design_columns(net))
  found <- qr(all)
  kept <- sort(found$pivot[seq_len(found$rank)])
  all[, kept[kept > ncol(net$X)], drop = FALSE]
}

incoherence <- function(net) {
  common <- fit_network(net, tau2 = 0)
  designs <- fit_network(net, design_columns(net), tau2 = 0)
  added <- added_columns(net)
  df <- ncol(added)
  total <- common$QE
  within <- designs$QE
  df_within <- nrow(net$rows) - designs$p
  # DerSimonian and Laird's variance within designs: Q is linear in it.
  W <- solve(net$V)
  D <- design_columns(net)
  P <- W - W %*% D %*% solve(t(D) %*% W %*% D, t(D) %*% W)
  tau2 <- max(0, (within - df_within) / sum(diag(P %*% net$M)))
  q_random <- NA_real_
  if (df > 0 && df_within > 0) {
    fit <- fit_network(net, cbind(net$X, added), tau2 = tau2)
    # all added columns at once
    place <- ncol(net$X) + seq_len(df)
    b <- fit$beta[place]
    q_random <- c(t(b) %*% solve(fit$vb[place, place, drop = FALSE], b))
  }
  own <- lapply(unique(net$rows$design), function(design) {
    inside <- net$rows$design == design
    X <- net$X[inside, , drop = FALSE]
    X <- X[, qr(X)$pivot[seq_len(qr(X)$rank)], drop = FALSE]
    df <- sum(inside) - ncol(X)
    fit <- if (df > 0) rma.mv(net$rows$yi[inside], net$V[inside, inside, drop = FALSE], mods = X, intercept = FALSE)
    list(design = design, k = length(unique(net$rows$study[inside])), Q = if (df > 0) fit$QE else NA_real_, df = df)
  })
  list(total = total, df = nrow(net$rows) - ncol(net$X), within = within, df.within = df_within,
       between = total - within, df.between = df, tau2.within = tau2, between.random = q_random, designs = own)
}

# Direct evidence on a pair, and the network fitted again with a column that takes it out: its coefficient is direct
# less indirect. Trials of two arms have 1 there; others the column that carries the contrast of both arms alone.
split_pair <- function(net, tau2, pair) {
  one <- net$nodes[pair[1]]
  other <- net$nodes[pair[2]]
  column <- numeric(nrow(net$rows))
  direct <- list()
  for (study in unique(net$rows$study)) {
    own <- which(net$rows$study == study)
    arms <- c(net$rows$baseline[own[1]], net$rows$arm[own])
    if (!all(c(one, other) %in% arms)) next
    a <- (net$rows$arm[own] == one) - (net$rows$arm[own] == other)
    omega <- (net$V + tau2 * net$M)[own, own, drop = FALSE]
    spread <- c(t(a) %*% omega %*% a)
    column[own] <- omega %*% a / spread
    direct[[study]] <- c(sum(a * net$rows$yi[own]), spread)
  }
  if (length(direct) == 0) return(NULL)
  direct <- do.call(rbind, direct)
  alone <- rma.uni(direct[, 1], direct[, 2], method = "FE")
  found <- list(node = one, comparator = other, k = nrow(direct), direct = c(alone$beta), direct.se = alone$se)
  if (qr(cbind(net$X, column))$rank == ncol(net$X)) return(found)
  fit <- fit_network(net, cbind(net$X, column), tau2 = tau2)
  place <- ncol(net$X) + 1
  b <- fit$beta[place]
  se <- fit$se[place]
  without <- c(contrast(net$nodes, pair[1], pair[2]), 0)
  indirect <- c(sum(without * fit$beta), sqrt(c(without %*% fit$vb %*% without)))
  c(found, list(difference = b, difference.se = se, pval = 2 * pnorm(-abs(b / se)), indirect = indirect[1],
                indirect.se = indirect[2]))
}

# P-scores by their formula; ranks by draws, from R's own generator.
ranks <- function(net, fit) {
  full <- diag(length(net$nodes))[, -1, drop = FALSE]
  b <- c(full %*% fit$beta)
  C <- full %*% fit$vb %*% t(full)
  size <- length(b)
  better <- outer(seq_len(size), seq_len(size), Vectorize(function(i, j) {
    if (i == j) 0 else pnorm((b[j] - b[i]) / sqrt(C[i, i] + C[j, j] - 2 * C[i, j]))
  }))
  set.seed(20260101)
  root <- t(chol(fit$vb))
  counts <- matrix(0, size, size)
  near <- numeric(size)
  for (part in seq_len(DRAWS / 1e5)) {
    drawn <- rbind(0, c(fit$beta) + root %*% matrix(rnorm(nrow(root) * 1e5), nrow(root)))
    place <- apply(drawn, 2, rank)
    for (i in seq_len(size)) counts[i, ] <- counts[i, ] + tabulate(place[i, ], size)
    lowest <- apply(drawn, 2, min)
    near <- near + rowSums(drawn <= rep(lowest, each = size) + MID)
  }
  list(nodes = net$nodes, p_score = rowSums(better) / (size - 1), probability = counts / DRAWS, near = near / DRAWS)
}

# ---- The network's posterior: flat priors on the effects, half-normal on tau ----------------------------------------

# Given tau everything is normal. Effects and evidence at one tau, by generalised least squares.
given_tau <- function(net, tau) {
  omega <- net$V + tau^2 * net$M
  root <- chol(omega)
  Xr <- backsolve(root, net$X, transpose = TRUE)
  yr <- backsolve(root, net$rows$yi, transpose = TRUE)
  fit <- qr(Xr)
  b <- qr.coef(fit, yr)
  list(b = b, C = chol2inv(qr.R(fit)),
       log = -sum(log(diag(root))) - sum(log(abs(diag(qr.R(fit))))) - sum(qr.resid(fit, yr)^2) / 2)
}

# Simpson's rule over tau: the density is smooth, and 1e-20 of its peak at the end.
posterior <- function(net) {
  tau <- seq(0, 90, length.out = 6001)
  at <- lapply(tau, function(x) given_tau(net, x))
  log <- sapply(at, function(x) x$log) - tau^2 / (2 * PRIOR^2)
  simpson <- c(1, rep(c(4, 2), length.out = length(tau) - 2), 1)
  mass <- simpson * exp(log - max(log))
  stopifnot(mass[length(mass)] < 1e-15)
  w <- mass / sum(mass)
  curve <- splinefun(tau, exp(log - max(log)) / sum(mass) * 3 / (tau[2] - tau[1]))
  tau_median <- uniroot(function(x) integrate(curve, 0, x, rel.tol = 1e-10, subdivisions = 1000)$value - 0.5, c(0.01, 60),
                        tol = 1e-10)$root
  effects <- lapply(seq_along(net$nodes[-1]), function(i) {
    b <- sapply(at, function(x) x$b[i])
    v <- sapply(at, function(x) x$C[i, i])
    cdf <- function(x, new = 0) sum(w * pnorm((x - b) / sqrt(v + new * tau^2)))
    mean <- sum(w * b)
    sd <- sqrt(sum(w * (v + (b - mean)^2)))
    quantile <- function(p) uniroot(function(x) cdf(x) - p, mean + c(-9, 9) * sd, tol = 1e-10)$root
    # the shortest of all intervals that hold 95 %
    low <- optimise(function(p) quantile(p + 0.95) - quantile(p), c(1e-5, 0.05 - 1e-5), tol = 1e-8)$minimum
    list(node = net$nodes[i + 1], mean = mean, sd = sd, median = quantile(0.5), lower = quantile(low),
         upper = quantile(low + 0.95), better = cdf(0), better_by_mid = cdf(-MID), trial_better_by_mid = cdf(-MID, 1))
  })
  list(tau.mean = sum(w * tau), tau.median = tau_median, effects = effects)
}

# The same by JAGS, from the arms: normal likelihood, TSD 2's random effects.
simulate <- function(arms, net) {
  suppressPackageStartupMessages(library(rjags))
  options(rjags.pb = "none")
  arms <- arms[order(match(arms$study_id, unique(arms$study_id)), match(arms$group, net$nodes)), ]
  study <- match(arms$study_id, unique(arms$study_id))
  arm <- ave(study, study, FUN = seq_along)
  wide <- function(x) { m <- matrix(NA, max(study), max(arm)); m[cbind(study, arm)] <- x; m }
  text <- "model {
    for (i in 1:ns) {
      mu[i] ~ dnorm(0, 1.0E-8)
      w[i,1] <- 0
      delta[i,1] <- 0
      for (k in 1:na[i]) { y[i,k] ~ dnorm(mu[i] + delta[i,k], 1 / v[i,k]) }
      for (k in 2:na[i]) {
        delta[i,k] ~ dnorm(md[i,k], prec * 2 * (k - 1) / k)
        md[i,k] <- d[t[i,k]] - d[t[i,1]] + sum(w[i,1:(k-1)]) / (k - 1)
        w[i,k] <- delta[i,k] - d[t[i,k]] + d[t[i,1]]
      }
    }
    d[1] <- 0
    for (k in 2:nt) { d[k] ~ dnorm(0, 1.0E-8) }
    tau ~ dnorm(0, pow(scale, -2)) T(0,)
    prec <- pow(tau, -2)
  }"
  seeds <- lapply(1:4, function(i) list(.RNG.name = "base::Mersenne-Twister", .RNG.seed = i))
  model <- jags.model(textConnection(text), list(
    ns = max(study), nt = length(net$nodes), na = as.vector(table(study)), t = wide(match(arms$group, net$nodes)),
    y = wide(arms$mean), v = wide(arms$sd^2 / arms$n), scale = PRIOR
  ), inits = seeds, n.chains = 4, n.adapt = 2000, quiet = TRUE)
  update(model, 10000)
  found <- coda.samples(model, c("d", "tau"), 200000, thin = 10)
  draws <- as.matrix(found)[, -1]
  below <- function(limit) as.mcmc.list(lapply(found, function(x) mcmc((x[, -1] < limit) + 0)))
  error <- function(x) unname(summary(x)$statistics[, "Time-series SE"])
  list(terms = c(net$nodes[-1], "tau"), mean = unname(colMeans(draws)), sd = unname(apply(draws, 2, sd)),
       mcse = error(found)[-1], better_by_mid = unname(colMeans(draws < -MID)), better_by_mid.mcse = error(below(-MID)))
}

network <- function(rows) {
  arms <- connected(group_numbers(rows))
  if (nrow(arms) == 0) return(NULL)
  net <- compare(arms)
  fit <- fit_network(net)
  tau2 <- variance_of(fit)
  splits <- apply(pairs_of(net$nodes), 1, function(pair) split_pair(net, tau2, pair), simplify = FALSE)
  found <- list(
    nodes = net$nodes, trials = length(unique(net$rows$study)), n = sum(arms$n), tau2 = tau2, logLik = c(logLik(fit)),
    QE = fit$QE, QEdf = nrow(net$rows) - ncol(net$X), QEp = fit$QEp, effects = league(net, fit),
    splits = Filter(Negate(is.null), splits), incoherence = incoherence(net)
  )
  if (rows$variant[1] == "primary") {
    found <- c(found, list(ranks = ranks(net, fit), posterior = posterior(net), jags = simulate(arms, net)))
  }
  found
}

# ---- The course -----------------------------------------------------------------------------------------------------

hats <- function(weeks) {
  sapply(seq_along(KNOTS), function(i) approx(c(0, KNOTS), c(0, diag(length(KNOTS))[i, ]), weeks)$y)
}

follow_ups <- function(rows) {
  numbers <- group_numbers(rows)
  treated <- numbers[numbers$group == "ha", ]
  control <- numbers[numbers$group == "saline", ]
  found <- merge(treated, control, by = c("study_id", "weeks"), suffixes = c("", ".c"))
  found <- found[order(match(found$study_id, unique(rows$study_id)), found$weeks), ]
  data.frame(study = found$study_id, weeks = found$weeks, smallest = pmin(found$n, found$n.c),
             yi = found$mean - found$mean.c, vi = found$sd^2 / found$n + found$sd.c^2 / found$n.c)
}

course_parts <- function(data, rho) {
  same <- outer(data$study, data$study, "==")
  visit <- ave(data$weeks, data$study, FUN = rank)
  V <- same * rho^abs(outer(visit, visit, "-")) * sqrt(outer(data$vi, data$vi))
  X <- hats(data$weeks)
  q <- ncol(X)
  list(X = X, V = V, basis = list(same * (X %*% t(X)), same * (X %*% (1 - diag(q)) %*% t(X))))
}

restricted <- function(data, parts, psi) {
  omega <- parts$V + psi[1] * parts$basis[[1]] + psi[2] * parts$basis[[2]]
  root <- tryCatch(chol(omega), error = function(e) NULL)
  if (is.null(root)) return(list(log = -Inf))
  Xr <- backsolve(root, parts$X, transpose = TRUE)
  yr <- backsolve(root, data$yi, transpose = TRUE)
  fit <- qr(Xr)
  n <- nrow(parts$X)
  p <- ncol(parts$X)
  # as metafor: the constant with log |X'X|
  constant <- -(n - p) / 2 * log(2 * pi) + determinant(crossprod(parts$X))$modulus / 2
  list(b = qr.coef(fit, yr), C = chol2inv(qr.R(fit)), W = chol2inv(root),
       log = c(constant) - sum(log(diag(root))) - sum(log(abs(diag(qr.R(fit))))) - sum(qr.resid(fit, yr)^2) / 2)
}

# Kenward and Roger (1997), Biometrics 53, 983-997, with tau2 and the covariance of two knots as the parameters, in
# which the covariance matrix is linear.
kenward_roger <- function(parts, at) {
  W <- at$W
  X <- parts$X
  A <- parts$basis
  P <- lapply(A, function(a) -t(X) %*% W %*% a %*% W %*% X)
  Q <- lapply(A, function(a) lapply(A, function(b) t(X) %*% W %*% a %*% W %*% b %*% W %*% X))
  tr <- function(m) sum(diag(m))
  C <- at$C
  info <- outer(1:2, 1:2, Vectorize(function(k, l) {
    (tr(W %*% A[[k]] %*% W %*% A[[l]]) - 2 * tr(C %*% Q[[k]][[l]]) + tr(C %*% P[[k]] %*% C %*% P[[l]])) / 2
  }))
  S <- solve(info)
  inner <- 0
  for (k in 1:2) for (l in 1:2) inner <- inner + S[k, l] * (Q[[k]][[l]] - P[[k]] %*% C %*% P[[l]])
  list(vb = C + 2 * C %*% inner %*% C, S = S, P = P, C = C)
}

degrees <- function(kr, L) {
  theta <- L %*% t(L) / c(t(L) %*% kr$C %*% L)
  slope <- sapply(kr$P, function(P) sum(diag(theta %*% kr$C %*% P %*% kr$C)))
  2 / c(t(slope) %*% kr$S %*% slope)
}

course <- function(data, rho) {
  parts <- course_parts(data, rho)
  # the variance of a knot, and the correlation between knots: 0 to 1 seen from -1/3 to 1
  from_line <- function(x) { r <- -1 / 3 + 4 / 3 * plogis(x[2]); exp(x[1]) * c(1, r) }
  found <- lapply(c(-1, 0, 2, 5), function(start) {
    optim(c(log(100), start), function(x) -restricted(data, parts, from_line(x))$log, control = list(reltol = 1e-15, maxit = 10000))
  })
  best <- found[[which.min(sapply(found, function(x) x$value))]]
  best <- optim(best$par, function(x) -restricted(data, parts, from_line(x))$log, method = "BFGS", control = list(reltol = 1e-16, maxit = 10000))
  psi <- from_line(best$par)
  at_edge <- optimise(function(x) -restricted(data, parts, exp(x) * c(1, 1))$log, c(-5, 12), tol = 1e-10)
  edge <- at_edge$objective <= best$value + 1e-9
  if (edge) psi <- exp(at_edge$minimum) * c(1, 1)
  at <- restricted(data, parts, psi)
  # rma.mv at these variances: random coefficients of the four hats. Correlations of exactly 1 it does not take.
  size <- ncol(parts$X)
  frame <- cbind(data, setNames(as.data.frame(parts$X), paste0("b", seq_len(size))))
  native <- rma.mv(yi, parts$V, mods = parts$X, intercept = FALSE, data = frame, struct = "GEN",
                   random = ~ 0 + b1 + b2 + b3 + b4 | study, tau2 = rep(psi[1], size),
                   rho = rep(min(psi[2] / psi[1], 1 - 1e-9), size * (size - 1) / 2))
  stopifnot(all.equal(c(native$beta), unname(at$b), tolerance = 1e-6))
  stopifnot(abs(c(logLik(native)) - at$log) < 1e-6)
  kr <- kenward_roger(parts, at)
  weeks <- KNOTS[KNOTS <= max(data$weeks)]
  studies <- length(unique(data$study))
  G <- psi[1] * diag(size) + psi[2] * (1 - diag(size))
  rows <- lapply(weeks, function(week) {
    L <- c(hats(c(week, 1))[1, ])
    b <- sum(L * at$b)
    se <- sqrt(c(t(L) %*% kr$vb %*% L))
    df <- degrees(kr, L)
    half <- qt(0.975, df) * se
    reach <- qt(0.975, studies - size) * sqrt(se^2 + c(t(L) %*% G %*% L))
    list(weeks = week, b = b, se = se, se.plain = sqrt(c(t(L) %*% at$C %*% L)), ddf = df, ci.lb = b - half, ci.ub = b + half,
         pi.lb = b - reach, pi.ub = b + reach, k = sum(tapply(data$weeks, data$study, max) >= week))
  })
  list(k = studies, follow_ups = nrow(data), tau2 = psi[1], rho = psi[2] / psi[1], edge = edge, logLik = at$log,
       logLik.rma.mv = c(logLik(native)), estimates = rows)
}

# ---- All of it ------------------------------------------------------------------------------------------------------

is_course <- groups$analysis == "ha-vs-saline-pain-course"
keys <- paste(groups$analysis, groups$variant, sep = "|")
networks <- lapply(split(groups[!is_course, ], factor(keys[!is_course], unique(keys[!is_course]))), network)
data <- follow_ups(groups[is_course, ])
answer <- list(
  versions = list(R = R.version.string, metafor = as.character(packageVersion("metafor")),
                  rjags = as.character(packageVersion("rjags"))),
  networks = Filter(Negate(is.null), networks),
  follow_ups = data,
  courses = list(
    primary = course(data, 0.5), "large-trials" = course(data[data$smallest >= SMALLEST, ], 0.5),
    "correlation-0" = course(data, 0), "correlation-0.75" = course(data, 0.75), "correlation-0.9" = course(data, 0.9)
  )
)
writeLines(
  toJSON(answer, digits = NA, auto_unbox = TRUE, na = "null", null = "null", pretty = 1), "validation/knee_oa_networks.json"
)
cat(length(answer$networks), "networks,", length(answer$courses), "courses\n")
