"""The deployer: serverless.yml and a stage in; a plan, and a running system on Tencent Cloud, out."""
