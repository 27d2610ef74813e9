/* What the figures of an evaluator are called, and how they are to be read. */
#include "figure_words.h"

#include <math.h>
#include <string.h>

#define COLUMNS    "Columns"
#define PAIRS      "Pairs of columns"
#define CLASSIFIER "Classifiers"
#define ROWS       "Fidelity and diversity of rows"
#define PRIVACY    "Privacy"
#define RULES      "Rules"
#define SEQUENCES  "Sequences"

const char *const figure_groups[] = {COLUMNS, PAIRS, CLASSIFIER, ROWS, PRIVACY, RULES, SEQUENCES, NULL};

static const figure_words all_words[] = {
    {"ks_mean", COLUMNS, "KS, mean", BETTER_LOWER,
     "Largest gap of the distribution functions, numeric columns", 0.0},
    {"ks_max", COLUMNS, "KS, largest", BETTER_LOWER, "The same of the worst numeric column", 0.0},
    {"emd_mean", COLUMNS, "Earth mover's distance, mean", BETTER_LOWER,
     "How far values have moved, in the columns' own units", 0.0},
    {"emd_scaled_mean", COLUMNS, "Earth mover's distance, scaled", BETTER_LOWER,
     "How far values have moved, in standard deviations", 0.0},
    {"emd_rank_mean", COLUMNS, "Earth mover's distance of ranks", BETTER_LOWER,
     "How far values have moved, in shares of the real rows", 0.0},
    {"mean_difference_mean", COLUMNS, "Difference of means", BETTER_LOWER, "In the columns' own units", 0.0},
    {"std_difference_mean", COLUMNS, "Difference of deviations", BETTER_LOWER, "In the columns' own units",
     0.0},
    {"quantile_difference_mean", COLUMNS, "Difference of quantiles", BETTER_LOWER,
     "How far quantiles have moved, tails included", 0.0},
    {"js_mean", COLUMNS, "Jensen-Shannon, mean", BETTER_LOWER,
     "Difference of the shares in bins or of categories, all columns", 0.0},
    {"tvd_mean", COLUMNS, "TVD, mean", BETTER_LOWER,
     "Share of the rows with another category than they should have", 0.0},
    {"tvd_max", COLUMNS, "TVD, largest", BETTER_LOWER, "The same of the worst column of categories", 0.0},
    {"support_coverage_mean", COLUMNS, "Coverage of ranges", BETTER_HIGHER,
     "How much of the range of real values is generated", 0.2},
    {"category_coverage_mean", COLUMNS, "Coverage of categories", BETTER_HIGHER,
     "How many of the real categories are generated", 0.2},
    {"missing_difference_mean", COLUMNS, "Difference of missing cells", BETTER_LOWER,
     "Of the shares of cells that are empty", 0.0},
    {"corr_frobenius", PAIRS, "Pearson, Frobenius", BETTER_LOWER, "Distance of the correlation matrices",
     0.0},
    {"corr_max", PAIRS, "Pearson, largest", BETTER_LOWER, "Difference of the worst pair's correlation", 0.0},
    {"corr_mean", PAIRS, "Pearson, mean", BETTER_LOWER, "Mean difference of a pair's correlation", 0.0},
    {"spearman_frobenius", PAIRS, "Spearman, Frobenius", BETTER_LOWER,
     "Distance of the matrices of rank correlations", 0.0},
    {"spearman_max", PAIRS, "Spearman, largest", BETTER_LOWER,
     "Difference of the worst pair's rank correlation", 0.0},
    {"spearman_mean", PAIRS, "Spearman, mean", BETTER_LOWER, "Mean difference of a pair's rank correlation",
     0.0},
    {"association_frobenius", PAIRS, "Association, Frobenius", BETTER_LOWER,
     "Distance of the matrices of association, all columns", 0.0},
    {"association_max", PAIRS, "Association, largest", BETTER_LOWER, "Difference of the worst pair", 0.0},
    {"association_mean", PAIRS, "Association, mean", BETTER_LOWER, "Mean difference of a pair", 0.0},
    {"nmi_diff", PAIRS, "Mutual information, mean", BETTER_LOWER,
     "Mean difference of what one column tells of another", 0.05},
    {"nmi_diff_max", PAIRS, "Mutual information, largest", BETTER_LOWER, "Difference of the worst pair", 0.0},
    {"pair_tvd_mean", PAIRS, "Pair TVD, mean", BETTER_UP_TO_FLOOR,
     "Share of the rows with another pair of values than they should have", 0.0},
    {"pair_tvd_max", PAIRS, "Pair TVD, largest", BETTER_UP_TO_FLOOR, "The same of the worst pair", 0.0},
    {"c2st_auc", CLASSIFIER, "Generated told from real, AUC", BETTER_HALF,
     "How well a classifier tells generated rows from real ones", 0.05},
    {"c2st_auc_logistic", CLASSIFIER, "The same by a linear model, AUC", BETTER_HALF,
     "How well logistic regression tells generated rows from real ones", 0.05},
    {"tstr", CLASSIFIER, "Trained on generated", BETTER_LARGE,
     "How well a model of the generated rows foretells the target in real ones", 0.0},
    {"trtr", CLASSIFIER, "Trained on real", BETTER_LARGE, "The same for a model of real rows", 0.0},
    {"alpha_precision", ROWS, "Alpha-precision", BETTER_HIGHER,
     "Whether generated rows lie where real rows are typical", 0.1},
    {"beta_recall", ROWS, "Beta-recall", BETTER_NEAR_FLOOR, "Whether generated rows reach all real rows",
     1.0},
    {"precision", ROWS, "Precision", BETTER_HIGHER, "Generated rows among the neighbours of real ones", 0.1},
    {"recall", ROWS, "Recall", BETTER_HIGHER, "Real rows among the neighbours of generated ones", 0.1},
    {"density", ROWS, "Density", BETTER_NEAR_FLOOR, "Real neighbourhoods that a generated row lies in", 1.0},
    {"coverage", ROWS, "Coverage", BETTER_HIGHER, "Real rows with a generated one in their neighbourhood",
     0.1},
    {"nearest_min", ROWS, "Nearest real row, closest", BETTER_NEAR_FLOOR, "0 is a copy of a real row", 0.0},
    {"nearest_mean", ROWS, "Nearest real row, mean", BETTER_NEAR_FLOOR,
     "Distance of a generated row to the nearest real one", 0.0},
    {"nearest_std", ROWS, "Nearest real row, deviation", BETTER_NEAR_FLOOR, "Of the same distances", 0.0},
    {"authenticity", PRIVACY, "Authenticity", BETTER_NEAR_FLOOR,
     "Generated rows farther from the nearest training row than that is from its own nearest", 1.0},
    {"authenticity_reference", PRIVACY, "Authenticity, as in synthcity", BETTER_UNSAID,
     "A variant in wide use", 0.0},
    {"dcr_mean", PRIVACY, "Distance to closest, mean", BETTER_NEAR_FLOOR,
     "Distance of generated rows to training rows", 0.0},
    {"dcr_p5", PRIVACY, "Distance to closest, 5 %", BETTER_NEAR_FLOOR, "The same of the closest 5 % of rows",
     0.0},
    {"dcr_train_share", PRIVACY, "Closer to training rows", BETTER_HALF,
     "Generated rows that are closer to training rows than to unseen ones", 0.05},
    {"nndr_mean", PRIVACY, "Ratio of neighbours, mean", BETTER_NEAR_FLOOR,
     "Distance to the nearest training row over that to the second", 0.0},
    {"nndr_p5", PRIVACY, "Ratio of neighbours, 5 %", BETTER_NEAR_FLOOR, "The same of the lowest 5 % of rows",
     0.0},
    {"copies", PRIVACY, "Copies", BETTER_UP_TO_FLOOR, "Generated rows that are equal to a training row",
     0.05},
    {"mia_advantage", PRIVACY, "Membership inference", BETTER_UP_TO_FLOOR,
     "How well an attacker tells training rows by the generated ones", 0.05},
    {"rule_violations", RULES, "Violations", BETTER_UP_TO_FLOOR, "Generated rows that violate any rule", 0.0},
    {"rule_violations_real", RULES, "Violations, real", BETTER_UNSAID, "Real rows that violate any rule",
     0.0},
    {"interarrival_ks", SEQUENCES, "Gaps, KS", BETTER_LOWER, "Times from one row of a group to the next",
     0.05},
    {"interarrival_emd_scaled", SEQUENCES, "Gaps, earth mover's distance", BETTER_LOWER,
     "The same, in standard deviations", 0.0},
    {"group_size_ks", SEQUENCES, "Sizes of groups, KS", BETTER_LOWER, "Rows of a group", 0.1},
    {"group_duration_ks", SEQUENCES, "Durations of groups, KS", BETTER_LOWER,
     "Time from the first to the last row of a group", 0.1},
    {"burst_size_ks", SEQUENCES, "Bursts, KS", BETTER_LOWER, "Rows that follow each other fast", 0.1},
    {"autocorrelation_diff", SEQUENCES, "Autocorrelation", BETTER_LOWER,
     "Difference of what a row tells of the next ones", 0.1},
    {"transition_tvd_mean", SEQUENCES, "Transitions, mean", BETTER_LOWER,
     "Which category follows which, mean over columns", 0.1},
    {"transition_tvd_max", SEQUENCES, "Transitions, largest", BETTER_LOWER, "The same of the worst column",
     0.0},
};

const figure_words *words_of_figure(const char *key) {
    for (size_t i = 0; i < sizeof all_words / sizeof *all_words; i++)
        if (strcmp(all_words[i].key, key) == 0)
            return &all_words[i];
    return NULL;
}

const char *words_of_better(preference better) {
    switch (better) {
    case BETTER_LOWER:
        return "lower is better";
    case BETTER_HIGHER:
    case BETTER_LARGE:
        return "higher is better";
    case BETTER_HALF:
        return "0.5 is best";
    case BETTER_NEAR_FLOOR:
        return "best near the floor";
    case BETTER_UP_TO_FLOOR:
        return "best up to the floor";
    case BETTER_UNSAID:
        break;
    }
    return "";
}

double distance_from_perfect(preference better, double value) {
    switch (better) {
    case BETTER_LOWER:
    case BETTER_UP_TO_FLOOR:
        return value;
    case BETTER_HIGHER:
        return 1.0 - value;
    case BETTER_HALF:
        return fabs(value - 0.5);
    case BETTER_UNSAID:
    case BETTER_NEAR_FLOOR:
    case BETTER_LARGE:
        break;
    }
    return NAN;
}
