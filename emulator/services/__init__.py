"""The real engines behind the emulator: MariaDB, Redis and a Kafka-protocol broker, each a supervised child process.

All of them listen on a unix socket or on loopback, keep their state below the emulator's root folder and die with
the emulator.
"""
