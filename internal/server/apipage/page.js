// The search of Redoc runs in a worker made of text, which the page's policy does not allow.
Redoc.init('/openapi.json', { disableSearch: true, nativeScrollbars: true, expandResponses: '200' }, document.getElementById('api'));
