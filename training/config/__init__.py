"""Recipes: the settings of a policy run, with ranges and descriptions, and the recipes that ship with the package.

Start with `recipe` (`PolicyConfig`). Each section has a module of its own.
docs/reference/recipe.md is generated from them.
"""
