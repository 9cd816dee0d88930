"""Discord: what people type, see and click. Never imports torch."""
