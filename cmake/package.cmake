# Packaging (CPack). Rooms add their install() rules where their files are.
