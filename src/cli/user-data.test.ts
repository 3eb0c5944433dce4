import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { objectionTo, renderUserData, userDataMaxBytes } from './user-data.ts';

const data = {
  script: readFileSync(new URL('../../node/muster-node', import.meta.url), 'utf8'),
  registrySource: 'head-node:/var/lib/muster/registry',
  slurmdOptions: '--conf-server head-node',
  goneAfterMs: 600_000,
};

interface CloudConfig {
  readonly write_files: readonly { path: string; permissions: string; content: string }[];
  readonly runcmd: readonly string[];
}

describe('the user data', () => {
  const text = renderUserData(data);
  const config = parse(text) as CloudConfig;
  const content = (path: string): string =>
    config.write_files.find((one) => one.path === path)?.content ?? '';

  test('is what cloud-init takes, and not more than EC2 takes', () => {
    expect(text.startsWith('#cloud-config\n')).toBe(true);
    // A tenth is left for longer names.
    expect(Buffer.byteLength(text)).toBeLessThan(userDataMaxBytes * 0.9);
  });

  test('carries the program as it is, to be run', () => {
    expect(content('/usr/local/sbin/muster-node')).toBe(data.script);
    expect(config.write_files[0]?.permissions).toBe('0755');
  });

  test('carries the settings by the names that the program reads', () => {
    const environment = content('/etc/muster/node.env');
    expect(environment).toBe(
      'MUSTER_REGISTRY_SOURCE="head-node:/var/lib/muster/registry"\nMUSTER_GONE_AFTER="600"\nSLURMD_OPTIONS="--conf-server head-node"\n',
    );
    for (const [, name = ''] of environment.matchAll(/^(\w+)=/gm))
      expect(data.script).toContain(`\${${name}`);
  });

  test('has a service that starts it and does not start it again once it has shut down', () => {
    const service = content('/etc/systemd/system/muster-node.service');
    expect(service).toContain('\nExecStart=/usr/local/sbin/muster-node\n');
    expect(service).toMatch(/^RestartPreventExitStatus=100 /m);
    expect(config.runcmd.at(-1)).toContain('enable --now --no-block muster-node.service');
  });
});

describe('what cannot stand in a file for systemd is refused', () => {
  test.each([
    [{ registrySource: '/var/lib/muster/registry' }, /HOST:\/PATH/],
    [{ registrySource: 'head:/a b' }, /HOST:\/PATH/],
    [{ slurmdOptions: '-b" \nExec' }, /no quotes/],
    [{ slurmdOptions: '$(reboot)' }, /dollar/],
  ])('%o', (wrong, why) => {
    expect(objectionTo({ ...data, ...wrong })).toMatch(why);
  });

  test('and what can, is not', () => {
    expect(objectionTo(data)).toBe(null);
    expect(objectionTo({ ...data, registrySource: '[fd00::1]:/srv/registry' })).toBe(null);
  });
});
