"""The page Race: several models learn the same at once, in equal time."""
