# Kenward-Roger by pbkrtest, for tests/published/test_kenward_roger_against_r.py. Run from the root of the repository:
#   Rscript validation/kenward_roger.R
# Made with R 4.2.2, lme4 and pbkrtest 0.5.2. The residual variance of lmer is Synovia's sampling variance, equal for all
# rows, plus the variance of a random effect per row.
suppressMessages({library(lme4); library(pbkrtest); library(jsonlite)})

data <- read.csv("validation/kenward_roger.csv")
control <- lmerControl(optCtrl = list(xtol_abs = 1e-12, ftol_abs = 1e-12))
models <- c(nested = "y ~ x + z + (1 | lab)", crossed = "y ~ x + z + (1 | lab) + (1 | lab2)")

results <- lapply(models, function(model) {
  fit <- lmer(as.formula(model), data, control = control)
  one <- lapply(1:3, function(i) KRmodcomp(fit, matrix(diag(3)[i, ], 1)))
  joint <- KRmodcomp(fit, diag(3)[2:3, ])
  list(
    psi = as.data.frame(VarCorr(fit))$vcov,
    std_error = unname(sqrt(diag(as.matrix(vcovAdj(fit))))),
    df = sapply(one, getKR, "ddf"),
    joint = c(getKR(joint, "Fstat"), getKR(joint, "ddf"), getKR(joint, "p.value"))
  )
})
write_json(results, "validation/kenward_roger.json", digits = NA, pretty = TRUE)
