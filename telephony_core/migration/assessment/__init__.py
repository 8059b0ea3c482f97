"""What would become of each number and each of its settings at the target. Writes nothing."""
