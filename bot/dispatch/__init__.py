"""The async dispatcher: submit, pick, claim, run, report, deliver."""
