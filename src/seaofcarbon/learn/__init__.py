"""Learning: campaigns and folds, features, models, tuning, validation, intervals, explanation."""

import warnings

# Optuna's progress bar misses a widget that nobody here looks at
warnings.filterwarnings("ignore", message="IProgress not found")
