"""SCF's API: requests whose form is checked in, the platform's own rules, changes of the registry, its answers out."""
