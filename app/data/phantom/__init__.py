"""A synthetic chest CT: anatomy, scanner, nodules of real shape, and the files of a data set.

Each part is a function from drawn parameters, a grid and a random generator to a layer; the
parts know nothing of each other beyond the fields that they are given.
"""
