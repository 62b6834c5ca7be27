import check from './check.cjs';

await check((path) => import(path));
