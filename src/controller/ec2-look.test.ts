/** Looking at EC2: what is described, what is remembered, and what is not believed. */
import { describe, expect, test } from 'vitest';
import { nodeUp } from '../core/testing/node-state.ts';
import { createTestWorld, testStart } from '../core/testing/world.ts';
import type { ListedInstance } from '../ports/cloud.ts';
import { createEc2Look } from './ec2-look.ts';
import { createFakePorts, createManualClock } from './testing/fakes.ts';

const old = testStart - 600_000;

function instance(instanceId: string, more: Partial<ListedInstance> = {}): ListedInstance {
  return {
    instanceId,
    privateIp: '10.0.0.1',
    hostname: 'h',
    state: 'running',
    clientToken: null,
    tags: { 'muster:cluster': 'muster' },
    launchedAt: old,
    ...more,
  };
}

const foreign = (id: string): ListedInstance => instance(id, { tags: { Name: 'theirs' } });

/** The instances i-0001 and i-0002 are leased; EC2 lists what `listed` says and describes what `described` says. */
function looking() {
  const one = Object.assign(createTestWorld(), { boots: true });
  one.resume('q-dy-c-[1-2]', ['q-dy-c-[1-2]']);
  one.launch(one.only('RunInstances'));
  one.state.since = 0;
  const clock = createManualClock(one.now + 600_000);
  const ports = createFakePorts(clock);
  const ec2 = {
    listed: [instance('i-0001'), instance('i-0002')],
    described: null as readonly ListedInstance[] | null,
  };
  ports.statuses = async () =>
    ec2.listed.map(({ instanceId, state }) => ({
      instanceId,
      state,
      impairedSince: null,
      event: null,
    }));
  ports.described = async (ids) =>
    (ec2.described ?? ec2.listed).filter(({ instanceId }) => ids.includes(instanceId));
  const look = createEc2Look(ports, one.state);
  const asked = (): string[] =>
    ports.journal
      .filter((line) => line.startsWith('describe-instances '))
      .map((line) => line.slice('describe-instances '.length));
  return { one, clock, ports, ec2, look, asked };
}

describe('what is described', () => {
  test('nothing that a lease has, nothing that has ended, and the others once', async () => {
    const { ec2, look, asked } = looking();
    ec2.listed.push(foreign('i-7'), instance('i-8', { state: 'terminated' }), foreign('i-9'));
    expect(await look.look()).toBeNull();
    expect(asked()).toEqual(['i-7 i-9']);
    expect(await look.look()).toBeNull();
    expect(asked()).toHaveLength(1);
  });

  test('again, once it was away', async () => {
    const { ec2, look, asked } = looking();
    const [one, two] = ec2.listed as [ListedInstance, ListedInstance];
    ec2.listed = [one, two, foreign('i-7')];
    await look.look();
    ec2.listed = [one, two];
    await look.look();
    ec2.listed = [one, two, foreign('i-7')];
    await look.look();
    expect(asked()).toEqual(['i-7', 'i-7']);
  });

  test('again, while it is listed and EC2 does not describe it yet', async () => {
    const { ec2, look, asked } = looking();
    ec2.listed.push(instance('i-7'));
    ec2.described = [];
    expect(await look.look()).toBeNull();
    ec2.described = null;
    expect(await look.look()).toMatchObject({ kind: 'Ec2Seen', strays: ['i-7'] });
    expect(asked()).toEqual(['i-7', 'i-7']);
  });

  test('what was this cluster’s stays so until it is gone', async () => {
    const { ec2, look, asked } = looking();
    ec2.listed.push(instance('i-7'));
    expect(await look.look()).toMatchObject({ strays: ['i-7'] });
    expect(await look.look()).toMatchObject({ strays: ['i-7'] });
    ec2.listed.splice(2, 1, instance('i-7', { state: 'shutting-down' }));
    expect(await look.look()).toBeNull();
    expect(asked()).toEqual(['i-7']);
  });
});

describe('a leased instance that is not listed', () => {
  test('is asked for by its id: it may run all the same', async () => {
    const { ec2, look, asked } = looking();
    ec2.described = ec2.listed;
    ec2.listed = [instance('i-0001')];
    expect(await look.look()).toBeNull();
    expect(asked()).toEqual(['i-0002']);
    const runs = { isAlive: true, impairedSince: null, event: null };
    expect([...(look.health()?.instances ?? [])]).toEqual([
      ['i-0001', runs],
      ['i-0002', runs],
    ]);
  });

  test('may have ended', async () => {
    const { ec2, look } = looking();
    ec2.described = [instance('i-0002', { state: 'terminated' })];
    ec2.listed = [instance('i-0001')];
    expect(await look.look()).toMatchObject({ ended: ['i-0002'] });
  });

  test('that EC2 does not know by its id either is no event, and is not among those seen', async () => {
    const { ec2, look, clock } = looking();
    ec2.listed = [instance('i-0001'), foreign('i-7')];
    expect(await look.look()).toBeNull();
    expect(look.health()?.askedAt).toBe(clock.now());
    expect([...(look.health()?.instances.keys() ?? [])]).toEqual(['i-0001']);
  });
});

describe('none of several leased instances', () => {
  test('is not believed for half an hour: no look, whatever else is listed', async () => {
    const { ec2, look, clock } = looking();
    await look.look();
    const before = look.health();
    ec2.listed = [foreign('i-7')];
    await expect(look.look()).rejects.toThrow(
      /^EC2 lists none of the 2 instances that muster has launched, as if it were another account/,
    );
    clock.time += 30 * 60_000 - 1;
    await expect(look.look()).rejects.toThrow();
    expect(look.health()).toBe(before);
    clock.time += 1;
    expect(await look.look()).toBeNull();
    expect(look.health()?.instances.size).toBe(0);
  });

  test('is counted from anew when one was seen in between', async () => {
    const { ec2, look, clock } = looking();
    const all = ec2.listed;
    ec2.listed = [];
    await expect(look.look()).rejects.toThrow();
    clock.time += 1_000_000;
    ec2.listed = all;
    await look.look();
    ec2.listed = [];
    clock.time += 1_000_000;
    await expect(look.look()).rejects.toThrow();
  });
});

describe('a look that fails', () => {
  test('leaves what the last one has shown, and what is known', async () => {
    const { ec2, ports, look, asked } = looking();
    ec2.listed.push(foreign('i-7'));
    await look.look();
    const before = look.health();
    const { statuses } = ports;
    ports.statuses = () => Promise.reject(new Error('away'));
    await expect(look.look()).rejects.toThrow('away');
    expect(look.health()).toBe(before);
    ports.statuses = statuses;
    await look.look();
    expect(asked()).toEqual(['i-7']);
  });
});

describe('an instance of this cluster that the ledger does not know', () => {
  test('is taken over where the registry and Slurm say that it serves a node', async () => {
    const { ports, ec2, look } = looking();
    ec2.listed.push(instance('i-7'), instance('i-8'));
    ports.names = new Map([
      ['i-7', 'q-dy-c-7'],
      ['i-8', 'q-dy-c-8'],
    ]);
    ports.fleet = async () => [
      { ...nodeUp, node: 'q-dy-c-7', reason: '' },
      { ...nodeUp, node: 'q-dy-c-8', reason: '', power: 'saved' },
    ];
    expect(await look.look()).toMatchObject({
      found: [{ node: 'q-dy-c-7', instance: { instanceId: 'i-7' }, isUp: true }],
      strays: ['i-8'],
    });
  });

  test('is let be while Slurm does not answer, and looked at soon again', async () => {
    const { one, ports, ec2, look } = looking();
    one.state.leases.clear();
    one.state.gangs.clear();
    ec2.listed = [instance('i-7')];
    ports.names = new Map([['i-7', 'q-dy-c-7']]);
    ports.fleet = () => Promise.reject(new Error('slurmctld is away'));
    expect(await look.look()).toBeNull();
    expect(look.interval()).toBe(30_000);
    ec2.listed = [];
    await look.look();
    expect(look.interval()).toBe(600_000);
  });

  test('costs no question where there is none', async () => {
    const { ports, ec2, look } = looking();
    ec2.listed.push(foreign('i-7'));
    await look.look();
    expect(ports.journal).not.toContain('list-fleet');
  });
});
