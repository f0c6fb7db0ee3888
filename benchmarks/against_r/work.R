# One task on R's side, as a process of its own: Rscript work.R TASK FOLDER REPEATS prints JSON.
args <- commandArgs(trailingOnly = TRUE)
suppressMessages(library(metafor))
task <- args[1]
data <- read.csv(file.path(args[2], paste0(task, ".csv")))

memory <- function(name) {
  lines <- tryCatch(readLines("/proc/self/status"), error = function(e) character())
  line <- grep(paste0("^", name, ":"), lines, value = TRUE)
  if (length(line)) as.numeric(gsub("[^0-9]", "", line)) / 1024 else NaN
}

pool <- function() {
  fit <- rma(estimate, variance, data = data, test = "knha")
  c(fit$tau2, fit$beta)
}

many <- function() {
  y <- split(data$estimate, data$set)
  v <- split(data$variance, data$set)
  fits <- mapply(function(y, v) {
    fit <- try(suppressWarnings(rma(y, v)), silent = TRUE)
    if (inherits(fit, "try-error")) c(NA, NA) else c(fit$tau2, fit$beta)
  }, y, v)
  c(sum(!is.na(fits[1, ])), mean(fits[1, ], na.rm = TRUE), mean(fits[2, ], na.rm = TRUE))
}

permutation <- function() {
  fit <- rma(estimate, variance, mods = ~ latitude + year, data = data)
  set.seed(1)
  suppressWarnings(permutest(fit, iter = 10000, progbar = FALSE))$pval[-1]
}

fit_three_level <- function() {
  rma.mv(estimate, variance, mods = ~ dose, random = ~ 1 | study/effect, data = data, sparse = TRUE)
}

three_level <- function() {
  fit <- fit_three_level()
  c(fit$sigma2, fit$beta[2])
}

outcomes <- function() {
  fit <- rma.mv(estimate, variance, mods = ~ 0 + outcome, random = ~ outcome | study, struct = "UN", data = data)
  c(as.numeric(logLik(fit)), fit$beta)
}

robust <- function() {
  tests <- clubSandwich::coef_test(prepared, vcov = "CR2", cluster = data$study)
  c(tests$SE, if (is.null(tests$df)) tests$df_Satt else tests$df)
}

work <- switch(task, bcg = pool, pairwise = pool, million = pool, many = many, permutation = permutation,
               three_level = three_level, outcomes = outcomes, robust = robust)
note <- ""
if (task == "robust") {
  if (requireNamespace("clubSandwich", quietly = TRUE)) {
    prepared <- fit_three_level()
  } else {
    note <- "clubSandwich is not installed"
  }
}

before <- memory("VmRSS")
seconds <- numeric()
answer <- numeric()
if (note == "") for (i in seq_len(as.integer(args[3]))) {
  start <- proc.time()[["elapsed"]]
  answer <- tryCatch(work(), error = function(e) {
    note <<- conditionMessage(e)
    numeric()
  })
  if (note != "") break
  seconds <- c(seconds, proc.time()[["elapsed"]] - start)
}

numbers <- function(x) paste0("[", paste(ifelse(is.finite(x), format(x, digits = 17), "null"), collapse = ", "), "]")
cat(sprintf('{"seconds": %s, "before": %s, "peak": %s, "answer": %s, "note": "%s"}\n', numbers(seconds),
            format(before), format(memory("VmHWM")), numbers(answer), gsub('["\\\\\n]', " ", note)))
