/**
 * The embedded registry: text files in a folder, a line an instance, `<instance id> <node name>`. A folder that the head
 * node shares and a grep are all a boot script needs:
 *
 *   until node=$(grep -hs "^$instance_id " "$registry"/i-* | cut -d ' ' -f 2) && [ -n "$node" ]; do sleep 1; done
 *
 * One file holds what was published together, so that a gang of thousands is one write (docs/adr/0004). An instance id
 * is never used twice, so that a line left behind by a crash misleads nobody.
 */
import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Registry, RegistryEntry } from '../../ports/registry.ts';

export async function openFileRegistry(stateDir: string): Promise<Registry> {
  const dir = join(stateDir, 'registry');
  await mkdir(dir, { recursive: true, mode: 0o755 });
  /** File name to its lines, instance id to node. */
  const files = new Map<string, ReadonlyMap<string, string>>();
  const fileOf = new Map<string, string>();
  for (const name of await readdir(dir)) {
    // The heartbeat lives here too (heartbeat.ts), and what a crash left half written.
    if (!name.startsWith('i-')) continue;
    const lines = parseLines(await readFile(join(dir, name), 'utf8'));
    files.set(name, lines);
    for (const instanceId of lines.keys()) fileOf.set(instanceId, name);
  }

  /** Durable before it resolves; the index follows the disk, so that what failed may be repeated. */
  async function save(name: string, lines: ReadonlyMap<string, string>): Promise<void> {
    if (lines.size === 0) {
      await rm(join(dir, name), { force: true });
      files.delete(name);
      return;
    }
    const temporary = join(dir, `.${name}`);
    const file = await open(temporary, 'w', 0o644);
    try {
      await file.writeFile(formatLines(lines));
      await file.sync();
    } finally {
      await file.close();
    }
    // Readers see the file as it was or as it is, never half of it.
    await rename(temporary, join(dir, name));
    files.set(name, lines);
  }

  async function publish(entries: readonly RegistryEntry[]): Promise<void> {
    const fresh = entries.filter(({ instanceId }) => !fileOf.has(instanceId));
    const name = fresh[0]?.instanceId;
    if (name === undefined) return;
    await save(name, new Map(fresh.map(({ instanceId, node }) => [instanceId, node])));
    for (const { instanceId } of fresh) fileOf.set(instanceId, name);
  }

  async function remove(instanceIds: readonly string[]): Promise<void> {
    const gone = new Set(instanceIds);
    const names = new Set(instanceIds.flatMap((instanceId) => fileOf.get(instanceId) ?? []));
    for (const name of names) {
      const lines = [...(files.get(name) ?? [])].filter(([instanceId]) => !gone.has(instanceId));
      await save(name, new Map(lines));
    }
    for (const instanceId of gone) fileOf.delete(instanceId);
  }

  let last: Promise<unknown> = Promise.resolve();
  /** One change at a time: two could write the same file. */
  function inTurn(change: () => Promise<void>): Promise<void> {
    const done = last.then(change);
    last = done.catch(() => undefined);
    return done;
  }

  return {
    publish: (entries) => inTurn(() => publish(entries)),
    remove: (instanceIds) => inTurn(() => remove(instanceIds)),
    async list() {
      await last;
      return new Map([...files.values()].flatMap((lines) => [...lines]));
    },
  };
}

function parseLines(text: string): Map<string, string> {
  const lines = new Map<string, string>();
  for (const line of text.split('\n')) {
    const [instanceId, node] = line.split(' ');
    if (instanceId !== undefined && node !== undefined) lines.set(instanceId, node);
  }
  return lines;
}

function formatLines(lines: ReadonlyMap<string, string>): string {
  return [...lines].map(([instanceId, node]) => `${instanceId} ${node}\n`).join('');
}
