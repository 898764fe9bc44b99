'use strict';

// A command of the deployer in, its exit code out. Its input and output are those of whoever called.

const { spawn } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'];

function handOver(project, args) {
  const python = interpreter(project);
  return new Promise((resolve, reject) => {
    const child = spawn(python, ['-m', 'deployer', ...args], { cwd: project, stdio: 'inherit' });
    // With a listener of ours the framework waits for the deployer, which may finish its step. A terminal sends Ctrl-C
    // to both of us; twice would take that time from it.
    const pass = (signal) => {
      if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal);
    };
    const release = () => SIGNALS.forEach((signal) => process.removeListener(signal, pass));
    SIGNALS.forEach((signal) => process.on(signal, pass));
    child.once('error', (error) => {
      release();
      reject(new Error(`The deployer could not be started with ${python} (${error.code}): run \`tools/setup run\` first`));
    });
    child.once('exit', (code, signal) => {
      release();
      resolve(code === null ? 128 + os.constants.signals[signal] : code);
    });
  });
}

function interpreter(project) {
  const own = path.join(project, '.venv', 'bin', 'python');
  return fs.existsSync(own) ? own : 'python3';
}

module.exports = { handOver };
