"""Plans and runs for people: text on a terminal, pages in a browser, what to type next."""
