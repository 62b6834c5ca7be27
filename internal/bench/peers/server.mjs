// better-auth with @node-rs/argon2 and our parameters, on PostgreSQL: one process, as its documentation starts it.
// DATABASE_URL and ADDRESS come from the environment. Its tables are made first; then it prints "ready".
import { createServer } from "node:http";
import { Algorithm, hash, verify } from "@node-rs/argon2";
import { betterAuth } from "better-auth";
import { getMigrations } from "better-auth/db/migration";
import { toNodeHandler } from "better-auth/node";
import pg from "pg";

const [host, port] = process.env.ADDRESS.split(":");
const parameters = { algorithm: Algorithm?.Argon2id ?? 2, memoryCost: 19456, timeCost: 2, parallelism: 1 };

// The bench gives libpq's form, with a folder for a socket.
const words = Object.fromEntries(process.env.DATABASE_URL.split(" ").map((word) => word.split("=")));
const pool = new pg.Pool({ host: words.host, port: Number(words.port ?? 5432), user: words.user, database: words.dbname, max: 16 });

const options = {
  baseURL: `http://${process.env.ADDRESS}`,
  secret: "a secret that is long enough for the bench",
  database: pool,
  logger: { disabled: true },
  telemetry: { enabled: false },
  rateLimit: { enabled: false },
  emailAndPassword: {
    enabled: true,
    password: {
      hash: (password) => hash(password, parameters),
      verify: ({ hash: stored, password }) => verify(stored, password),
    },
  },
};

const { runMigrations } = await getMigrations(options);
await runMigrations();

createServer(toNodeHandler(betterAuth(options))).listen(Number(port), host, () => console.log("ready"));
