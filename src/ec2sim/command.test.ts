/** `muster ec2sim`: what its options mean, its first line, and that it ends when told. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  ec2simCommand,
  parseCapacity,
  parseSubnet,
  simOptionsFrom,
  type Ec2simCommandOptions,
} from './command.ts';

/** Runs the command until `during` is through; answers its code and what it wrote. */
async function run(options: Ec2simCommandOptions, during: (line: string) => Promise<void>) {
  const out: string[] = [];
  const errors: string[] = [];
  let stop = (): void => undefined;
  const stopped = new Promise<void>((resolve) => {
    stop = resolve;
  });
  const code = ec2simCommand(options, {
    write(text) {
      out.push(text);
      void during(text).finally(stop);
    },
    writeError: (text) => errors.push(text),
    stopped,
  });
  return { code: await code, out, errors: errors.join('') };
}

describe('the command', () => {
  test('prints its URL first and serves what the options say until it is stopped', async () => {
    let url = '';
    const options = { capacity: ['c6i.32xlarge@us-east-2b=106'], bootMs: 40, throttle: false };
    const { code, out } = await run(options, async (line) => {
      url = line.trim();
      const state = await (await fetch(`${url}/_admin/state`)).json();
      expect(state).toMatchObject({
        pools: [{ instanceType: 'c6i.32xlarge', availabilityZone: 'us-east-2b', capacity: 106 }],
        times: { bootMs: 40, pendingMs: 1000 },
        throttling: false,
      });
    });
    expect(code).toBe(0);
    expect(out).toHaveLength(1);
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    await expect(fetch(url)).rejects.toThrow();
  });

  test('prints JSON when asked, and throttles unless told otherwise', async () => {
    let throttling: unknown;
    const { out } = await run({ json: true, region: 'us-east-1' }, async (line) => {
      const { adminUrl } = JSON.parse(line) as { adminUrl: string };
      throttling = ((await (await fetch(`${adminUrl}/state`)).json()) as { throttling: boolean })
        .throttling;
    });
    expect(JSON.parse(out[0] ?? '')).toEqual({
      url: expect.stringMatching(/^http:/),
      adminUrl: expect.stringMatching(/\/_admin$/),
      region: 'us-east-1',
    });
    expect(throttling).toBe(true);
  });

  test('warns of what is odd, and starts', async () => {
    const options = { capacity: ['nosuch.type@us-east-2b=3'], bootCommand: ['/no/such/program'] };
    const { code, out, errors } = await run(options, async () => undefined);
    expect({ code, lines: out.length }).toEqual({ code: 0, lines: 1 });
    expect(errors).toMatch(/^muster ec2sim: warning: nosuch\.type is no instance type/m);
    expect(errors).toMatch(/^muster ec2sim: warning: the boot command \/no\/such\/program is no/m);
  });

  const wrong = new Map<string, { options: Ec2simCommandOptions; want: RegExp }>([
    [
      'a capacity without a zone',
      {
        options: { capacity: ['c5.xlarge=3'] },
        want: /--capacity c5\.xlarge=3: expected TYPE@ZONE=COUNT/,
      },
    ],
    [
      'a subnet without a range',
      { options: { subnet: ['subnet-1@z'] }, want: /expected SUBNET@ZONE=RANGE/ },
    ],
    [
      'a range that is none',
      { options: { subnet: ['subnet-1@us-east-2b=10.0.0.0/4'] }, want: /no IPv4 range/ },
    ],
    [
      'a file that is not there',
      { options: { file: '/nonexistent.json' }, want: /ENOENT.*nonexistent/ },
    ],
    ['a region that is none', { options: { region: 'usa' }, want: /region usa: write a region/ }],
    [
      'room in a zone of another region',
      {
        options: { region: 'eu-west-1', capacity: ['c5.xlarge@us-east-2b=3'] },
        want: /us-east-2b is no zone of the region eu-west-1/,
      },
    ],
    ['a port out of range', { options: { port: 70_000 }, want: /port/ }],
  ]);
  for (const [name, { options, want }] of wrong) {
    test(`${name} ends it with 2 and says so, having started nothing`, async () => {
      const { code, out, errors } = await run(options, async () => undefined);
      expect(code).toBe(2);
      expect(out).toEqual([]);
      expect(errors).toMatch(want);
      expect(errors).toContain('Nothing was started.');
    });
  }
});

describe('the options', () => {
  test('capacity and subnets are read from their short form', () => {
    expect(parseCapacity('c6i.32xlarge@us-east-2b=106')).toEqual({
      instanceType: 'c6i.32xlarge',
      availabilityZone: 'us-east-2b',
      capacity: 106,
    });
    expect(parseCapacity('t2.micro@z=unlimited').capacity).toBeNull();
    expect(parseSubnet('subnet-12345678@us-east-2b=127.8.0.0/16')).toEqual({
      subnetId: 'subnet-12345678',
      availabilityZone: 'us-east-2b',
      cidr: '127.8.0.0/16',
    });
  });

  test('a file gives the world, the command line wins over it', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'muster-ec2sim-'));
    try {
      const file = join(folder, 'ec2.json');
      const zone = 'eu-west-1a';
      const subnets = [{ subnetId: 'subnet-1', availabilityZone: zone, cidr: '10.0.0.0/24' }];
      const capacity = [{ instanceType: 't2.micro', availabilityZone: zone, capacity: 4 }];
      writeFileSync(
        file,
        JSON.stringify({
          region: 'eu-west-1',
          seed: 5,
          subnets,
          capacity,
          times: { bootMs: 7, shutdownMs: 8 },
        }),
      );
      const options = await simOptionsFrom(
        { file, seed: 6, bootMs: 9, capacity: ['t2.micro@eu-west-1a=5'] },
        () => undefined,
      );
      expect(options).toEqual({
        region: 'eu-west-1',
        seed: 6,
        subnets,
        capacity: [...capacity, { instanceType: 't2.micro', availabilityZone: zone, capacity: 5 }],
        times: { bootMs: 9, shutdownMs: 8 },
      });
      writeFileSync(file, '{"capasity": []}');
      await expect(simOptionsFrom({ file }, () => undefined)).rejects.toThrow(
        /ec2\.json: .*capasity/s,
      );
      writeFileSync(file, '{');
      await expect(simOptionsFrom({ file }, () => undefined)).rejects.toThrow(
        /ec2\.json: not JSON/,
      );
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
