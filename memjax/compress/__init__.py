"""Networks made smaller for crossbars: ADMM under constraints, and models rebuilt without what they do not use."""

from memjax.compress._admm import PenaltyState as PenaltyState
from memjax.compress._admm import Residuals as Residuals
from memjax.compress._admm import Solution as Solution
from memjax.compress._admm import admm as admm
from memjax.compress._admm import admm_penalty as admm_penalty
from memjax.compress._admm import retrain as retrain
from memjax.compress._compact import Compact as Compact
from memjax.compress._compact import compact as compact
from memjax.compress._constraint import Constraint as Constraint
from memjax.compress._constraint import Projection as Projection
from memjax.compress._constraint import chain as chain
from memjax.compress._constraint import keep_zeros as keep_zeros
from memjax.compress._constraint import masks as masks
from memjax.compress._constraint import project as project
from memjax.compress._paths import purify as purify
from memjax.compress._paths import remove_unused as remove_unused
from memjax.compress._projections import project_blocks as project_blocks
from memjax.compress._projections import project_columns as project_columns
from memjax.compress._projections import project_filters as project_filters
from memjax.compress._projections import project_levels as project_levels
from memjax.compress._projections import project_rows as project_rows
from memjax.compress._tiles import Crossbars as Crossbars
from memjax.compress._tiles import crossbars as crossbars
