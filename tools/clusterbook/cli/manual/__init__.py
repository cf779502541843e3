"""Manual pages: what help says, as `man` shows it."""
