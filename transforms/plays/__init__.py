"""Plays: the rules that raise tasks, and the plan of what a run would do to tasks."""

from transforms.plays.alerts import Alert
from transforms.plays.homes import TaskHomes
from transforms.plays.play import Case, Play, PlayBook, play
from transforms.plays.rules import PLAYS
from transforms.plays.tasks import Cases, TaskPlan, find_cases, plan_tasks, task_key

__all__ = ["PLAYS", "Alert", "Case", "Cases", "Play", "PlayBook", "TaskHomes", "TaskPlan", "find_cases", "plan_tasks", "play", "task_key"]
