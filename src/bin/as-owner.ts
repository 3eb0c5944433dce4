/** Root that does muster's work by hand must not leave files behind which the daemon, another user, cannot open. */
import { statSync } from 'node:fs';

/** From here on root works as the owner of the state folder; anybody else, and without such a folder, as before. */
export function workAsOwner(stateDir: string): void {
  if (process.getuid?.() !== 0) return;
  const owner = statSync(stateDir, { throwIfNoEntry: false });
  if (owner === undefined || owner.uid === 0) return;
  process.setgroups?.([owner.gid]);
  process.setgid?.(owner.gid);
  process.setuid?.(owner.uid);
}
