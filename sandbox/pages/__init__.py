"""The pages that a person sees in the browser: a contact with our fields, its timeline and its tasks, the way the CRM would show it."""

from sandbox.pages.routes import page_routes

__all__ = ["page_routes"]
