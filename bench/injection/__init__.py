"""Small models in numpy that run twice, once as golden and once rounded and maybe broken."""
