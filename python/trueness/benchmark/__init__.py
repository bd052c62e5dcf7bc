"""Running a model: how long it takes, what it computes, its dump or its profile."""
