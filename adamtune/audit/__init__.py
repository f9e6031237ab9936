"""Which of the known mistakes a custom Adam makes: the class is driven through probes, and its movements explained."""
