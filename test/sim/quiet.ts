/** A turn of the event loop: by its end every promise that was resolved before has run its course. */
export function quiet(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
