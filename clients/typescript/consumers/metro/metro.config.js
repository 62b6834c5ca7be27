// What the template of a React Native app has; the modules of this test are further up.
const { getDefaultConfig, mergeConfig } = require('@react-native/metro-config');
const { resolve } = require('node:path');

const modules = resolve(__dirname, '../../..');

module.exports = mergeConfig(getDefaultConfig(__dirname), {
  watchFolders: [modules],
  resolver: { unstable_enablePackageExports: process.env.PACKAGE_EXPORTS === 'on', blockList: [/\/build\/(web|android)\/.*/] },
});
