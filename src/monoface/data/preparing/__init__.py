"""Photos to labelled packs: `monoface data prepare`."""
