"""The life of a case, decided: every step, who may take it, its clocks. No I/O."""
