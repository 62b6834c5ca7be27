import subprocess,os,sys,time,json,urllib.request,re,hmac,hashlib,base64,struct
db=sys.argv[1]
def serve(**env):
    e={'PATH':os.environ['PATH'],'HOME':'/root','DATABASE_URL':db,'HEADLESS_JWT_PRIVATE_KEY_FILE':'/tmp/fx/key.pem','LATCHKEY_ADDR':'127.0.0.1:0','ACCOUNT_LOGIN_BY_CODE_ENABLED':'true','EMAIL_HOST':'127.0.0.1','EMAIL_PORT':'1','ACCOUNT_EMAIL_VERIFICATION':'none','LATCHKEY_ISSUER':'latchkey'}
    e.update(env)
    p=subprocess.Popen(['/tmp/latchkey68','serve'],env=e,stderr=subprocess.PIPE,text=True)
    for line in p.stderr:
        m=re.search(r'"addr":"([^"]+)"',line)
        if m: return p,'http://'+m.group(1)+'/_allauth/app/v1/'
        print(line)
def call(u,method,path,body=None,**h):
    r=urllib.request.Request(u+path,method=method,data=json.dumps(body).encode() if body is not None else None,headers={'Content-Type':'application/json',**{k.replace('_','-'):v for k,v in h.items()}})
    try: a=urllib.request.urlopen(r)
    except urllib.error.HTTPError as e: a=e
    t=a.read().decode(); return a.status,(json.loads(t) if t else None)
out={}
p,u=serve()
import atexit; atexit.register(lambda: p.terminate())
s,a=call(u,'POST','auth/signup',{'email':'ada@example.com','password':'correct horse battery'}); print(s)
out['ada_session']=a['meta']['session_token']; out['ada_refresh']=a['meta'].get('refresh_token'); print(a['meta'].keys())
for n in range(6):
    s,a=call(u,'POST','auth/login',{'email':'eve@example.com','password':'wrong password %d'%n}); print(s,[e['code'] for e in a['errors']])
s,a=call(u,'POST','auth/code/request',{'email':'ada@example.com'}); print(s); out['code_session']=a['meta']['session_token']
time.sleep(2)
p.terminate(); p.wait()
import atexit
p,u=serve(LATCHKEY_SEALING_KEYS='k1:'+base64.b64encode(b'k'*32).decode())
s,a=call(u,'POST','auth/signup',{'email':'bob@example.com','password':'correct horse battery'}); print(s)
t=a['meta']['session_token']
subprocess.run(['psql',db,'-qc','UPDATE email_addresses SET verified_at = created_at'])
s,a=call(u,'POST','auth/login',{'email':'bob@example.com','password':'correct horse battery'}); t=a['meta']['session_token']
s,a=call(u,'POST','auth/reauthenticate',{'password':'correct horse battery'},X_Session_Token=t); print('re',s)
s,a=call(u,'GET','account/authenticators/totp',X_Session_Token=t); print(s); print(s,a); sec=a['meta']['secret']
def totp(sec,at):
    k=base64.b32decode(sec); c=int(at)//30
    d=hmac.new(k,struct.pack('>Q',c),hashlib.sha1).digest(); o=d[-1]&15
    return '%06d'%((struct.unpack('>I',d[o:o+4])[0]&0x7fffffff)%1000000)
s,a=call(u,'POST','account/authenticators/totp',{'code':totp(sec,time.time())},X_Session_Token=t); print(s,a)
out['bob_secret']=sec
p.terminate(); p.wait()
out['at']=time.strftime('%Y-%m-%dT%H:%M:%SZ',time.gmtime())
json.dump(out,open('/tmp/fx/out.json','w'),indent=1); print(out)
