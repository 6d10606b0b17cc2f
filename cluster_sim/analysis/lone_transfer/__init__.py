"""One transfer alone on an idle host: where its time goes, and what it takes at other costs."""
