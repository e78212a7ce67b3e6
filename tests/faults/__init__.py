"""Faults that the tests must notice; `mutants.py` plants them one by one."""

from faults import application
from faults import archives
from faults import data
from faults import demo
from faults import film
from faults import hints
from faults import hostile
from faults import loop
from faults import science
from faults import trainers

ALL = trainers.FAULTS + loop.FAULTS + science.FAULTS + data.FAULTS + application.FAULTS
ALL += archives.FAULTS + hints.FAULTS + film.FAULTS + demo.FAULTS + hostile.FAULTS
