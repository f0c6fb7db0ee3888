# Writes the data of src/synovia/examples/sets from the R package metadat, under the names Synovia uses.
# Run from the root of the repository: Rscript validation/examples.R
# Only numbers and labels that the cited papers report are taken over.

suppressMessages(library(metadat))
folder <- "src/synovia/examples/sets"

take <- function(data, ...) {
  wanted <- c(...)
  out <- data[unname(wanted)]
  names(out) <- names(wanted)
  out
}
keep <- function(data, name) {
  write.csv(data, file.path(folder, paste0(name, ".csv")), row.names = FALSE, quote = TRUE, na = "", eol = "\n",
            fileEncoding = "UTF-8")
}

d <- dat.bcg
d$n1 <- d$tpos + d$tneg
d$n0 <- d$cpos + d$cneg
keep(take(d, study_id = "trial", label = "author", year = "year", events_treatment = "tpos", n_treatment = "n1",
          events_comparator = "cpos", n_comparator = "n0", latitude = "ablat", allocation = "alloc"), "bcg")

d <- dat.berkey1998
d$cov <- ifelse(d$outcome == "PD", d$v2i, d$v1i)
keep(take(d, study_id = "trial", label = "author", year = "year", n = "ni", outcome = "outcome", estimate = "yi",
          variance = "vi", covariance = "cov"), "berkey1998")

keep(take(dat.konstantopoulos2011, district = "district", school = "school", study_id = "study", year = "year",
          estimate = "yi", variance = "vi"), "konstantopoulos2011")

keep(take(dat.raudenbush1985, study_id = "study", label = "author", year = "year", weeks = "weeks",
          setting = "setting", tester = "tester", n_treatment = "n1i", n_comparator = "n2i", estimate = "yi",
          variance = "vi"), "raudenbush1985")

keep(take(dat.bangertdrowns2004, study_id = "id", label = "author", year = "year", grade = "grade",
          weeks = "length", minutes = "minutes", in_class = "wic", feedback = "feedback", informational = "info",
          personal = "pers", imaginative = "imag", metacognitive = "meta", subject = "subject", n = "ni",
          estimate = "yi", variance = "vi"), "bangertdrowns2004")

d <- dat.hackshaw1998
d$yi <- log(d$or)
d$vi <- ((log(d$or.ub) - log(d$or.lb)) / (2 * qnorm(0.975)))^2
keep(take(d, study_id = "study", label = "author", year = "year", country = "country", design = "design",
          cases = "cases", odds_ratio = "or", lower = "or.lb", upper = "or.ub", estimate = "yi", variance = "vi"),
     "hackshaw1998")

counts <- c(events_treatment = "ai", n_treatment = "n1i", events_comparator = "ci", n_comparator = "n2i")
keep(take(dat.hine1989, study_id = "study", label = "source", counts), "hine1989")
keep(take(dat.nielweise2007, study_id = "study", label = "author", year = "year", counts), "nielweise2007")
d <- subset(dat.yusuf1985, table == "6" & !is.na(ai))
keep(take(d, study_id = "id", label = "trial", counts), "yusuf1985")

keep(take(dat.nielweise2008, study_id = "study", label = "authors", year = "year", events_treatment = "x1i",
          time_treatment = "t1i", events_comparator = "x2i", time_comparator = "t2i"), "nielweise2008")

keep(take(dat.normand1999, study_id = "study", label = "source", mean_treatment = "m1i", sd_treatment = "sd1i",
          n_treatment = "n1i", mean_comparator = "m2i", sd_comparator = "sd2i", n_comparator = "n2i"), "normand1999")

keep(take(dat.curtis1998, effect_id = "id", study_id = "paper", genus = "genus", species = "species",
          group = "fungrp", days = "time", facility = "method", treatment = "xtrt", treatment_level = "level",
          mean_treatment = "m1i", sd_treatment = "sd1i", n_treatment = "n1i", mean_comparator = "m2i",
          sd_comparator = "sd2i", n_comparator = "n2i"), "curtis1998")

d <- dat.molloy2014
d$id <- seq_len(nrow(d))
keep(take(d, study_id = "id", label = "authors", year = "year", n = "ni", correlation = "ri", controls = "controls",
          design = "design", adherence_measure = "a_measure", conscientiousness_measure = "c_measure",
          age = "meanage", quality = "quality"), "molloy2014")

d <- dat.ishak2007
d$id <- seq_len(nrow(d))
at <- c("3 months", "6 months", "12 months", "long term")
long <- do.call(rbind, lapply(1:4, function(i) data.frame(
  study_id = d$id, label = d$study, time = at[i], occasion = i, duration = d$mdur, baseline = d$mbase,
  estimate = d[[paste0("y", i, "i")]], variance = d[[paste0("v", i, "i")]])))
long <- long[order(long$study_id, long$occasion), ]
keep(long[!is.na(long$estimate), ], "ishak2007")

keep(take(dat.hasselblad1998, study_id = "study", label = "authors", year = "year", treatment = "trt", events = "xi",
          n = "ni"), "hasselblad1998")
