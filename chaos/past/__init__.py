"""What became of all the runs whose folders lie under `reports/`: the index, how each scenario stands, its trend."""
