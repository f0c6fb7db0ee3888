# A Bayesian network of counts by JAGS: Rscript jags.R LIKELIHOOD ARMS.csv prints JSON.
# LIKELIHOOD is binomial or normal; the table has study, arm (1, 2, ...), treatment (1 the reference), events, n.
suppressMessages(library(rjags))
args <- commandArgs(trailingOnly = TRUE)
arms <- read.csv(args[2])
ADAPT <- 1000 # of the 5,000 iterations that are thrown away
BURN <- 4000
KEEP <- 20000

spread <- function(name) {
  wide <- matrix(NA, max(arms$study), max(arms$arm))
  wide[cbind(arms$study, arms$arm)] <- arms[[name]]
  wide
}

# Random effects of a trial one after the other, each given those before it: contrasts share half of tau2.
EFFECTS <- "
    w[i,1] <- 0
    delta[i,1] <- 0
    for (k in 2:na[i]) {
      delta[i,k] ~ dnorm(md[i,k], prec * 2 * (k - 1) / k)
      md[i,k] <- d[t[i,k]] - d[t[i,1]] + sum(w[i,1:(k-1)]) / (k - 1)
      w[i,k] <- delta[i,k] - d[t[i,k]] + d[t[i,1]]
    }"
PRIORS <- "
  d[1] <- 0
  for (k in 2:nt) { d[k] ~ dnorm(0, 1.0E-4) }
  sd ~ dunif(0, 5)
  prec <- pow(sd, -2)
}"

binomial_model <- paste0("model {
  for (i in 1:ns) {
    mu[i] ~ dnorm(0, 1.0E-4)
    for (k in 1:na[i]) {
      r[i,k] ~ dbin(p[i,k], n[i,k])
      logit(p[i,k]) <- mu[i] + delta[i,k]
    }", EFFECTS, "
  }", PRIORS)

normal_model <- paste0("model {
  for (i in 1:n2) { y[i,2] ~ dnorm(delta[i,2], 1 / v[i]) }
  for (i in (n2+1):ns) { y[i,2:na[i]] ~ dmnorm(delta[i,2:na[i]], P[i,1:(na[i]-1),1:(na[i]-1)]) }
  for (i in 1:ns) {", EFFECTS, "
  }", PRIORS)

binomial_data <- function() {
  n_arms <- as.vector(table(arms$study))
  list(ns = length(n_arms), nt = max(arms$treatment), na = n_arms, t = spread("treatment"), r = spread("events"),
       n = spread("n"))
}

# Log odds ratios against the first arm; half an event is added where an arm has none. Trials of two arms first.
normal_data <- function() {
  n_arms <- as.vector(table(arms$study))
  first <- order(n_arms)
  r <- spread("events")[first, ]
  f <- spread("n")[first, ] - r
  zero <- rowSums(r == 0 | f == 0, na.rm = TRUE) > 0
  r[zero, ] <- r[zero, ] + 0.5
  f[zero, ] <- f[zero, ] + 0.5
  odds <- log(r / f)
  v <- 1 / r + 1 / f
  n_arms <- n_arms[first]
  two <- sum(n_arms == 2)
  P <- array(NA, c(length(n_arms), ncol(r) - 1, ncol(r) - 1))
  for (i in which(n_arms > 2)) {
    m <- n_arms[i]
    P[i, 1:(m - 1), 1:(m - 1)] <- solve(diag(v[i, 2:m]) + v[i, 1])
  }
  list(ns = length(n_arms), n2 = two, nt = max(arms$treatment), na = n_arms, t = spread("treatment")[first, ],
       y = odds - odds[, 1], v = (v[, 1] + v[, 2])[1:two], P = P)
}

options(rjags.pb = "none") # progress bars would be printed among the numbers

work <- function() {
  normal <- args[1] == "normal"
  data <- if (normal) normal_data() else binomial_data()
  seeds <- lapply(1:3, function(chain) list(.RNG.name = "base::Mersenne-Twister", .RNG.seed = chain))
  text <- textConnection(if (normal) normal_model else binomial_model)
  model <- jags.model(text, data, inits = seeds, n.chains = 3, n.adapt = ADAPT, quiet = TRUE)
  update(model, BURN)
  summary(coda.samples(model, c("d", "sd"), KEEP))$statistics
}

seconds <- system.time(found <- work())[["elapsed"]]
kept <- found[-1, ]
show <- function(x) paste0("[", paste(format(x, digits = 17, trim = TRUE), collapse = ","), "]")
cat(sprintf('{"seconds": %.6f, "mean": %s, "sd": %s, "mcse": %s, "version": "JAGS %s, rjags %s"}\n', seconds,
            show(kept[, 1]), show(kept[, 2]), show(kept[, 4]), jags.version(), packageVersion("rjags")))
