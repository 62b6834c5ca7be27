// The CPU of one hash by @node-rs/argon2 with our parameters, in microseconds: the least of what a peer in Node.js
// can take. Prints one number.
import { Algorithm, hashSync } from "@node-rs/argon2";

const parameters = { algorithm: Algorithm?.Argon2id ?? 2, memoryCost: 19456, timeCost: 2, parallelism: 1, salt: Buffer.alloc(16, 1) };
const hashes = Number(process.argv[2]);

hashSync("a long enough password", parameters);
const before = process.cpuUsage();
for (let n = 0; n < hashes; n++) hashSync("a long enough password", parameters);
const { user, system } = process.cpuUsage(before);

console.log((user + system) / hashes);
