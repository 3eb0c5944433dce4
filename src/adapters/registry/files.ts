/**
 * The embedded registry: one small file an instance, named by its id, holding its node name. A folder that the head
 * node shares is all a boot script needs (`until [ -s "$registry/$id" ]`), and thousands of instances that look at
 * once cost the head node no process. (docs/adr/0004)
 */
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Registry } from '../../ports/registry.ts';

/** Enough to keep the disk busy, few enough to leave the loop free. */
const writesAtOnce = 64;

export async function openFileRegistry(stateDir: string): Promise<Registry> {
  const dir = join(stateDir, 'registry');
  await mkdir(dir, { recursive: true, mode: 0o755 });
  return {
    async publish(entries) {
      await inChunks(entries, async ({ instanceId, node }) => {
        const temporary = join(dir, `.${instanceId}`);
        // Readers look by name: they see nothing or the whole line.
        await writeFile(temporary, `${node}\n`, { mode: 0o644 });
        await rename(temporary, join(dir, instanceId));
      });
    },
    async remove(instanceIds) {
      await inChunks(instanceIds, (instanceId) => rm(join(dir, instanceId), { force: true }));
    },
  };
}

async function inChunks<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  for (let from = 0; from < items.length; from += writesAtOnce) {
    await Promise.all(items.slice(from, from + writesAtOnce).map(work));
  }
}
