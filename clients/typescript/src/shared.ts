/**
 * What a program has once, however many copies of this package it holds: bundlers that read `import` and `require`
 * apart, such as Metro's for the web, hold it as ES modules and as CommonJS.
 */
export function shared<Value>(name: string, make: () => Value): Value {
  const all = globalThis as unknown as Record<symbol, Value>;
  return (all[Symbol.for(`@latchkey-auth/client ${name}`)] ??= make());
}
