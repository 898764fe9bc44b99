"""What Patchmill's functions share. Pure modules first (task, job, manifest, wire, events, podstate), then adapters."""

VERSION = "0.1.0"
