# The printed numbers of the evidence as n, mean and SD on 0-100; read by knee_oa.R and knee_oa_networks.R.

read <- function(path) read.csv(path, na.strings = "", encoding = "UTF-8", check.names = FALSE)
outcomes <- read("reviews/knee-oa/evidence/outcomes.csv")
arms <- read("reviews/knee-oa/evidence/arms.csv")

# ---- Arms: n, mean and SD on 0-100 where higher is worse ---------------------------------------------------------

# Range and direction of the scales that occur, from the instruments. KOOS and IKDC count 100 as no problems.
lower_better <- function(maximum) c(minimum = 0, maximum = maximum, sign = 1)
higher_better <- function(maximum) c(minimum = 0, maximum = maximum, sign = -1)
scales <- list(
  "pain-vas-100" = lower_better(100), "pain-vas-10" = lower_better(10), "pain-nrs-10" = lower_better(10),
  "womac-pain-likert" = lower_better(20), "womac-stiffness-likert" = lower_better(8),
  "womac-function-likert" = lower_better(68), "womac-total-likert" = lower_better(96),
  "womac-pain-100" = lower_better(100), "womac-stiffness-100" = lower_better(100),
  "womac-function-100" = lower_better(100),
  "koos-pain" = higher_better(100), "koos-symptoms" = higher_better(100), "koos-adl" = higher_better(100),
  "koos-sport" = higher_better(100), "koos-qol" = higher_better(100), "ikdc" = higher_better(100)
)

rescale <- function(mean, sd, scale, statistic) {
  if (is.na(scale)) return(c(mean = mean, sd = sd))
  to <- as.list(scales[[scale]])
  width <- to$maximum - to$minimum
  if (statistic == "mean change") return(c(mean = to$sign * mean * 100 / width, sd = sd * 100 / width))
  at <- (mean - to$minimum) / width * 100
  c(mean = if (to$sign < 0) 100 - at else at, sd = sd * 100 / width)
}

printed <- function(study, arm, outcome, measure, timepoint, statistic) {
  outcomes[outcomes$study_id == study & outcomes$arm_id %in% arm & outcomes$outcome == outcome &
    outcomes$measure == measure & outcomes$timepoint == timepoint & outcomes$statistic == statistic &
    outcomes$use == "yes", ]
}

# One arm as printed, or its subgroups joined by the sums of their values and of their squares.
arm_numbers <- function(study, arm, outcome, measure, scale, timepoint, statistic) {
  rows <- printed(study, arm, outcome, measure, timepoint, statistic)
  if (nrow(rows) == 0) {
    parts <- arms$arm_id[arms$study_id == study & arms$part_of %in% arm]
    rows <- printed(study, parts, outcome, measure, timepoint, statistic)
    stopifnot(nrow(rows) == length(parts))
  }
  if (statistic == "events") {
    stopifnot(nrow(rows) == 1)
    return(data.frame(n = rows$n, mean = NA_real_, sd = NA_real_, events = rows$events))
  }
  stopifnot(nrow(rows) >= 1, all(!is.na(rows$sd) | !is.na(rows$se)))
  sd <- ifelse(is.na(rows$sd), rows$se * sqrt(rows$n), rows$sd)
  n <- sum(rows$n)
  mean <- sum(rows$n * rows$mean) / n
  if (nrow(rows) > 1) {
    squares <- sum((rows$n - 1) * sd^2 + rows$n * rows$mean^2)
    sd <- sqrt((squares - n * mean^2) / (n - 1))
  }
  on_100 <- rescale(mean, sd, scale, statistic)
  data.frame(n = n, mean = on_100[["mean"]], sd = on_100[["sd"]], events = NA_real_)
}
