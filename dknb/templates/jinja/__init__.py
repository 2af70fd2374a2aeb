"""The MIXED and JINJA2 languages: Jinja2 in a sandbox, with bounds, exact places in errors and ``((sections))``.

Imported when the first such template is compiled; nothing above imports Jinja2.
"""
