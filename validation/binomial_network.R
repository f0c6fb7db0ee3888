# Bayesian networks of counts by long runs of JAGS, for tests/published/test_binomial_networks_against_jags.py.
#
#     Rscript validation/binomial_network.R [SET ...]   # from the root of the repository; all sets without names
#
# The model is that of NICE TSD 2 (Dias et al. 2013, Medical Decision Making 33, 607-617) with the correction for
# trials of several arms: d ~ N(0, var 1e4), mu ~ N(0, var 1e4), sd ~ U(0, 5). A set runs until the simulation error
# of every mean is below TARGET. Writes binomial_network_arms.csv (the counts) and binomial_network.json.

suppressPackageStartupMessages({
  library(rjags)
  library(metadat)
  library(jsonlite)
})
options(rjags.pb = "none")

TARGET <- 0.0025
CHAINS <- 4
BLOCK <- 40000 # iterations of a chain between two looks at the error
THIN <- 10
MOST <- 40 # blocks

arms <- function(study, treatment, events, n) {
  kept <- !is.na(events)
  found <- data.frame(study = as.character(study), treatment = as.character(treatment), events = events, n = n)[kept, ]
  several <- ave(found$events, found$study, FUN = length) > 1
  found[several, ]
}

# Counts that nobody observed: logits with the baseline, spread and size of trials that are asked for.
simulate <- function(seed, treatments, sizes, people, baseline, effect_sd, tau) {
  set.seed(seed)
  d <- c(0, rnorm(treatments - 1, 0, effect_sd))
  rows <- lapply(seq_along(sizes), function(i) {
    own <- if (i < treatments) c(i, i + 1) else sample(treatments, sizes[i])
    n <- round(exp(runif(1, log(people[1]), log(people[2]))))
    logit <- rnorm(1, baseline[1], baseline[2]) + d[own] + rnorm(length(own), 0, tau / sqrt(2))
    data.frame(study = i, treatment = sprintf("t%02d", own), events = rbinom(length(own), n, plogis(logit)), n = n)
  })
  do.call(rbind, rows)
}

linde <- dat.linde2015
synthetic_large <- simulate(1, 8, rep(c(2, 2, 2, 3), 7), c(400, 20000), c(-2.4, 0.3), 0.15, 0.05)
synthetic_sparse <- simulate(2, 12, rep(c(2, 2, 3, 4), 8), c(25, 80), c(-3, 0.5), 0.5, 0.3)

sets <- list(
  hasselblad1998 = with(read.csv("src/synovia/examples/sets/hasselblad1998.csv"), arms(study_id, treatment, events, n)),
  woods2010 = with(dat.woods2010, arms(author, treatment, r, N)),
  dong2013 = with(dat.dong2013, arms(id, treatment, death, randomized)),
  gurusamy2011 = with(dat.gurusamy2011, arms(study, treatment, death, n)),
  dogliotti2014 = with(dat.dogliotti2014, arms(id, treatment, stroke, total)),
  baker2009 = with(dat.baker2009, arms(id, treatment, exac, total)),
  pagliaro1992 = with(dat.pagliaro1992, arms(study, trt, xi, ni)),
  linde2015 = arms(rep(linde$id, 3), unlist(linde[c("treatment1", "treatment2", "treatment3")]),
                   unlist(linde[c("resp1", "resp2", "resp3")]), unlist(linde[c("n1", "n2", "n3")])),
  "synthetic-large-trials" = with(synthetic_large, arms(study, treatment, events, n)),
  "synthetic-sparse" = with(synthetic_sparse, arms(study, treatment, events, n))
)

# Synovia leaves trials without events (or with nothing else) out; JAGS sees the same trials.
speaks <- function(found) {
  events <- ave(found$events, found$study, FUN = sum)
  events > 0 & events < ave(found$n, found$study, FUN = sum)
}
sets <- lapply(sets, function(found) {
  kept <- found[speaks(found), ]
  kept[order(match(kept$study, unique(kept$study))), ]
})
everything <- do.call(rbind, lapply(names(sets), function(name) cbind(set = name, sets[[name]])))
write.csv(everything, "validation/binomial_network_arms.csv", row.names = FALSE, fileEncoding = "UTF-8")

# Random effects of a trial one after the other, each given those before it: contrasts share half of tau2.
model_text <- "model {
  for (i in 1:ns) {
    mu[i] ~ dnorm(0, 1.0E-4)
    w[i,1] <- 0
    delta[i,1] <- 0
    for (k in 1:na[i]) {
      r[i,k] ~ dbin(p[i,k], n[i,k])
      logit(p[i,k]) <- mu[i] + delta[i,k]
    }
    for (k in 2:na[i]) {
      delta[i,k] ~ dnorm(md[i,k], prec * 2 * (k - 1) / k)
      md[i,k] <- d[t[i,k]] - d[t[i,1]] + sum(w[i,1:(k-1)]) / (k - 1)
      w[i,k] <- delta[i,k] - d[t[i,k]] + d[t[i,1]]
    }
  }
  d[1] <- 0
  for (k in 2:nt) { d[k] ~ dnorm(0, 1.0E-4) }
  sd ~ dunif(0, 5)
  prec <- pow(sd, -2)
}"

# One row per trial, its arms in the order of the treatments; the reference is the treatment with most trials.
jags_data <- function(found, treatments) {
  found$code <- match(found$treatment, treatments)
  found <- found[order(match(found$study, unique(found$study)), found$code), ]
  study <- match(found$study, unique(found$study))
  arm <- ave(study, study, FUN = seq_along)
  wide <- function(x) {
    m <- matrix(NA, max(study), max(arm))
    m[cbind(study, arm)] <- x
    m
  }
  list(ns = max(study), nt = length(treatments), na = as.vector(table(study)), t = wide(found$code),
       r = wide(found$events), n = wide(found$n))
}

order_treatments <- function(found) {
  trials <- sort(table(found$treatment), decreasing = TRUE)
  first <- names(trials)[1]
  c(first, sort(setdiff(names(trials), first)))
}

run_set <- function(name) {
  found <- sets[[name]]
  treatments <- order_treatments(found)
  seeds <- lapply(seq_len(CHAINS), function(i) list(.RNG.name = "base::Mersenne-Twister", .RNG.seed = i))
  model <- jags.model(textConnection(model_text), jags_data(found, treatments), inits = seeds, n.chains = CHAINS,
                      n.adapt = 2000, quiet = TRUE)
  update(model, 10000)
  kept <- vector("list", CHAINS)
  for (block in seq_len(MOST)) {
    new <- coda.samples(model, c("d", "sd"), BLOCK, thin = THIN)
    kept <- lapply(seq_len(CHAINS), function(i) rbind(kept[[i]], as.matrix(new[[i]])[, -1]))
    error <- errors(kept)
    if (max(error) < TARGET) break
  }
  draws <- do.call(rbind, kept)
  wanted <- c(0.025, 0.05, 0.25, 0.5, 0.75, 0.95, 0.975)
  list(
    treatments = treatments, iterations = CHAINS * block * BLOCK, thin = THIN,
    terms = c(treatments[-1], "tau"), mean = unname(colMeans(draws)), sd = unname(apply(draws, 2, sd)),
    mcse = unname(error),
    # of a standard deviation, from the error of the mean squared deviation
    mcse_sd = unname(errors(lapply(kept, function(x) sweep(x, 2, colMeans(draws))^2)) / (2 * apply(draws, 2, sd))),
    levels = wanted, quantiles = unname(t(apply(draws, 2, quantile, wanted))),
    worst_rhat = max(gelman.diag(as.mcmc.list(lapply(kept, as.mcmc)), autoburnin = FALSE, multivariate = FALSE)$psrf[, 1])
  )
}

errors <- function(kept) summary(as.mcmc.list(lapply(kept, as.mcmc)))$statistics[, "Time-series SE"]

path <- "validation/binomial_network.json"
asked <- commandArgs(trailingOnly = TRUE)
for (name in if (length(asked)) asked else names(sets)) {
  seconds <- system.time(found <- run_set(name))[["elapsed"]]
  stored <- if (file.exists(path)) fromJSON(path, simplifyVector = FALSE) else list(sets = list())
  stored$versions <- list(R = R.version.string, JAGS = as.character(jags.version()), rjags = as.character(packageVersion("rjags")))
  stored$sets[[name]] <- found
  stored$sets <- stored$sets[intersect(names(sets), names(stored$sets))]
  writeLines(toJSON(stored, digits = 8, auto_unbox = TRUE, pretty = 1), path)
  cat(sprintf("%s: %d iterations, worst error %.4f, %.0f s\n", name, found$iterations, max(found$mcse), seconds))
}
