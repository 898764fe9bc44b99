'use strict';

// Serverless Framework (osls) in: its commands and the resolved serverless.yml. Out: the same work done by the deployer.
// What the framework itself does here is to resolve variables, to check the configuration against schema.json, and to
// print it. schema.json is made by `python -m deployer.declaration.jsonschema`.

const schema = require('./schema.json');
const { handOver } = require('./handover');

const PROVIDER = 'tencent';

class TencentPlugin {
  static getProviderName() {
    return PROVIDER;
  }

  constructor(serverless, options) {
    this.serverless = serverless;
    this.options = options;
    this.provider = this;
    serverless.setProvider(PROVIDER, this);
    defineSchema(serverless.configSchemaHandler);
    this.commands = {
      plan: { usage: 'Show what deploy would change', lifecycleEvents: ['plan'] },
    };
    this.hooks = {
      'before:package:createDeploymentArtifacts': () => this.package(),
      'plan:plan': () => this.deployer('plan'),
      'deploy:deploy': () => this.deployer('apply', '--yes'),
      'info:info': () => this.deployer('outputs'),
      'remove:remove': () => this.deployer('destroy', '--yes'),
    };
  }

  // The framework would pack folders in its own way; and `deploy` packs first, which the deployer's apply does itself.
  async package() {
    const { service, processedInput } = this.serverless;
    const parts = [...Object.values(service.functions), ...Object.values(service.layers || {})];
    for (const part of parts) part.package = { ...part.package, disable: true };
    if (processedInput.commands[0] === 'package') await this.deployer('package');
  }

  async deployer(command, ...flags) {
    const { serviceDir, service, classes } = this.serverless;
    const stage = this.options.stage || service.provider.stage;
    try {
      const code = await handOver(serviceDir, [command, '--stage', stage, ...flags]);
      // The deployer has said what is wrong; the framework would only add that something is.
      if (code !== 0) process.exit(code);
    } catch (error) {
      throw new classes.Error(error.message, 'PATCHMILL_DEPLOYER_NOT_STARTED');
    }
  }
}

function defineSchema(handler) {
  handler.defineProvider(PROVIDER, {
    provider: schema.provider,
    function: schema.function,
    functionEvents: schema.functionEvents,
    layers: schema.layers,
    resources: schema.resources,
  });
  handler.defineCustomProperties({ properties: { stage: schema.stage } });
}

module.exports = TencentPlugin;
