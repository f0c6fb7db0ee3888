# Posteriors of random-effects syntheses by R's integrate(), for tests/published/test_posteriors_against_r.py.
#
#     Rscript validation/posteriors.R   # from the root of the repository; writes posteriors.json
#
# y_i ~ N(theta_i, v_i), theta_i ~ N(mu, tau^2), mu ~ N(0, 2^2), six priors on tau. Given tau all is normal; what is
# left is one integral over log tau, which integrate() does to a relative 1e-10 on both sides of its peak.

suppressPackageStartupMessages({
  library(metafor)
  library(jsonlite)
})

read <- function(name) read.csv(file.path("src/synovia/examples/sets", paste0(name, ".csv")))
bcg <- read("bcg")
molloy <- read("molloy2014")
hine <- read("hine1989")
sets <- list(
  raudenbush1985 = with(read("raudenbush1985"), list(y = estimate, v = variance)),
  hackshaw1998 = with(read("hackshaw1998"), list(y = estimate, v = variance)),
  bcg = with(escalc("RR", ai = events_treatment, n1i = n_treatment, ci = events_comparator, n2i = n_comparator, data = bcg),
             list(y = c(yi), v = vi)),
  molloy2014 = list(y = atanh(molloy$correlation), v = 1 / (molloy$n - 3)),
  hine1989 = with(escalc("OR", ai = events_treatment, n1i = n_treatment, ci = events_comparator, n2i = n_comparator, data = hine),
                  list(y = c(yi), v = vi))
)

SPREAD <- 2 # standard deviation of the prior of mu
half_t <- function(tau, df, scale) log(2) + dt(tau / scale, df, log = TRUE) - log(scale)
# log densities of tau, and where they end
priors <- list(
  "half-normal" = list(log = function(tau) log(2) + dnorm(tau, 0, 0.5, log = TRUE), end = Inf),
  "half-cauchy" = list(log = function(tau) half_t(tau, 1, 0.3), end = Inf),
  "half-t" = list(log = function(tau) half_t(tau, 4, 0.5), end = Inf),
  "uniform" = list(log = function(tau) rep(-log(4), length(tau)), end = 4),
  # on tau2, with the slope of tau2 in tau
  "log-normal" = list(log = function(tau) dlnorm(tau^2, -2.56, 1.74, log = TRUE) + log(2 * tau), end = Inf),
  "inverse-gamma" = list(log = function(tau) 1.5 * log(0.05) - lgamma(1.5) - 2.5 * log(tau^2) - 0.05 / tau^2 + log(2 * tau), end = Inf)
)

posterior <- function(set, prior) {
  y <- set$y
  v <- set$v
  # columns are values of tau
  given <- function(tau) {
    w <- 1 / outer(v, tau^2, "+")
    B <- 1 / (colSums(w) + SPREAD^-2)
    b <- B * colSums(w * y)
    list(b = b, B = B, log = -length(y) / 2 * log(2 * pi) + (colSums(log(w)) - colSums(w * y^2) + b^2 / B + log(B / SPREAD^2)) / 2)
  }
  height <- function(x) { tau <- exp(x); given(tau)$log + prior$log(tau) + x }
  last <- if (is.finite(prior$end)) log(prior$end) else 8
  grid <- seq(-25, last, length.out = 4001)
  at <- height(grid)
  peak <- grid[which.max(at)]
  top <- max(at)
  # where exp(height) is 0 to double precision
  known <- grid[at > top - 60]
  low <- min(known)
  high <- max(known)
  over <- function(f, to = high) {
    piece <- function(a, z) if (z <= a) 0 else {
      integrate(function(x) exp(height(x) - top) * f(exp(x)), a, z, rel.tol = 1e-10, abs.tol = 1e-14, subdivisions = 5000)$value
    }
    cuts <- c(low, peak - 2, peak - 0.5, peak, peak + 0.5, peak + 2, high)
    cuts <- sort(unique(pmin(pmax(cuts, low), min(to, high))))
    sum(0, unlist(Map(piece, head(cuts, -1), tail(cuts, -1))))
  }
  total <- over(function(tau) 1 + 0 * tau)
  expected <- function(f) over(f) / total

  tau_cdf <- function(tau) over(function(t) 1 + 0 * t, log(tau)) / total
  tau_quantile <- function(p) exp(uniroot(function(x) tau_cdf(exp(x)) - p, c(low, high), tol = 1e-12)$root)
  tau_density <- function(tau) exp(height(log(tau)) - top) / total / tau
  tau_mean <- expected(identity)
  tau_short <- function() {
    # a density that falls from 0 on has its shortest interval from 0
    gap <- function(p) tau_density(tau_quantile(p)) - tau_density(tau_quantile(p + 0.95))
    if (gap(1e-7) > 0) return(c(0, tau_quantile(0.95)))
    p <- uniroot(gap, c(1e-7, 0.05 - 1e-7), tol = 1e-12)$root
    c(tau_quantile(p), tau_quantile(p + 0.95))
  }

  normals <- function(new) {
    cdf <- function(x) expected(function(tau) { g <- given(tau); pnorm((x - g$b) / sqrt(g$B + new * tau^2)) })
    density <- function(x) expected(function(tau) { g <- given(tau); dnorm(x, g$b, sqrt(g$B + new * tau^2)) })
    mean <- expected(function(tau) given(tau)$b)
    sd <- sqrt(expected(function(tau) { g <- given(tau); g$B + new * tau^2 + (g$b - mean)^2 }))
    quantile <- function(p) uniroot(function(x) cdf(x) - p, mean + c(-12, 12) * sd, tol = 1e-12)$root
    p <- uniroot(function(p) density(quantile(p)) - density(quantile(p + 0.95)), c(0.005, 0.045), tol = 1e-9)$root
    list(mean = mean, sd = sd, median = quantile(0.5), central = c(quantile(0.025), quantile(0.975)),
         shortest = c(quantile(p), quantile(p + 0.95)), below.0 = cdf(0))
  }

  studies <- lapply(seq_along(y), function(i) {
    share <- function(tau) tau^2 / (v[i] + tau^2) # of the study's own estimate
    own <- function(tau) share(tau) * y[i] + (1 - share(tau)) * given(tau)$b
    mean <- expected(own)
    square <- expected(function(tau) share(tau) * v[i] + (1 - share(tau))^2 * given(tau)$B + (own(tau) - mean)^2)
    c(mean, sqrt(square))
  })
  levels <- c(0.025, 0.05, 0.25, 0.5, 0.75, 0.95, 0.975)
  list(
    log.evidence = log(total) + top, mu = normals(0), prediction = normals(1),
    tau = list(mean = tau_mean, sd = sqrt(expected(function(tau) (tau - tau_mean)^2)), levels = levels,
               quantiles = sapply(levels, tau_quantile), shortest = tau_short()),
    studies = do.call(rbind, studies)
  )
}

found <- lapply(sets, function(set) c(set, list(posteriors = lapply(priors, function(prior) posterior(set, prior)))))
writeLines(
  toJSON(list(R = R.version.string, sets = found), digits = NA, auto_unbox = TRUE, na = "null", pretty = 1),
  "validation/posteriors.json"
)
