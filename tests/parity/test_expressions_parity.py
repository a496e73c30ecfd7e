"""One-line expressions that must give what they give in PyTorch: values, dtypes, or errors in kind."""

import copy
import pickle

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import minigrad  # noqa: E402

#: each line is run with x (2, 3) floats, i (2, 3) ints, v (3,) floats, b (3,) booleans, g (3,) that requires
#: grad; of several statements the last one's value is looked at
EXPRESSIONS = """
x[5]
x[0, 5]
x[0, 0, 0]
x[[0, 5]]
x[torch.tensor([0, 9])]
x[torch.tensor([True, False, True])]
x[b]
x[:, b]
x["a"]
x[1.0]
x[None]
x[..., 0]
x[::2]
x[::-1]
x[torch.tensor(1)]
x[torch.tensor([0.5])]
x[np.array([0, 1])]
x[True]
x[False]
x[[True, False]]
x[torch.tensor([0, 1], dtype=torch.int32)]
x[(0, 1)]
x[[0, 1], [1, 2]]
x[[[0, 1], [1, 0]]]
x[[slice(0, 1), slice(1, 2)]]
x[[torch.tensor([0, 1]), torch.tensor([1, 0])]]
x[0:10]
x[2:1]
x[:, -4]
x[range(2)]
x[:, torch.tensor([0, 2])]
x[None, ..., None].shape
x[torch.tensor([[True, False, True], [False, True, False]])]
x[x > 2]
x[5] = 1
x["a"] = 1
x[0, 0, 0] = 1
x[0] = torch.ones(2)
x[0] = torch.ones(3, dtype=torch.float64); x
x[0] = torch.tensor(1 + 2j); x
i[0] = 1.7; i
i[0] = torch.tensor(1.7); i
x[:, b] = 5; x
x[:, b] = torch.tensor([7.0, 8.0]); x
x[x > 3] = torch.tensor([1.0, 2.0]); x
x[x > 2] = torch.tensor([1.0, 2.0]); x
x[0] = "a"
x[0] = [1, 2, 3]
x[0] = np.array([1, 2, 3])
x[:] = None
x[0] = np.float64(2); x
g[0] = 1.0
h = g * 2; h[0] = 5.0; h.sum().backward(); g.grad
torch.tensor(3)[0]
torch.tensor(3)[...]
torch.tensor(3)[None]
torch.tensor(3)[()]
torch.tensor(3.0)[True]
len(torch.tensor(3))
list(torch.tensor(3))
torch.Size([2, 3]) + (1,)
(1,) + torch.Size([2])
torch.Size([2, 3]) * 2
2 * torch.Size([2, 3])
torch.Size([2, 3])[1:]
torch.Size((2, 3)).numel()
torch.Size([])
str(torch.Size([2, 3]))
torch.Size(["a"])
torch.Size([1.5])
torch.Size([torch.tensor(2), 3])
pickle.loads(pickle.dumps(torch.Size([2])))
copy.deepcopy(torch.Size([2]))
x.size(-1)
x.size(5)
x.t().stride()
x.stride(5)
x[:, 1:].storage_offset()
x[:, ::2].stride()
x.expand(4, 2, 3).stride()
torch.zeros(0, 3).stride()
torch.zeros(2, 0, 3).stride()
x.unsqueeze(1).stride()
x.view(1, 2, 1, 3).stride()
x[:, 0].is_contiguous()
x.t()[:1].is_contiguous()
x.dim_order()
x.new_tensor([1, 2])
i.new_tensor([1.5, 2])
i.new_full((2,), 3.5)
x.new()
x.new(2, 3).shape
x.type()
x.type(torch.int32)
x.type("torch.DoubleTensor").dtype
x.type("foo")
x.to("foo")
x.to(torch.float64, copy=True).dtype
x.view(torch.float64)
x.double().view(torch.float32).shape
x.view(4)
x.view(-1, -1)
x.t().view(6)
x.reshape(4)
x.expand(3, 3)
x.expand(-1, 4)
x.permute(0, 0)
x.permute(0)
x.transpose(0, 5)
x.unsqueeze(5)
x.flatten(1, 0)
x.item()
torch.tensor([]).item()
bool(x)
bool(torch.tensor([]))
float(x)
int(torch.tensor([3.7]))
float(torch.tensor(1 + 2j))
g.numpy()
g.tolist()
[1, 2, 3][torch.tensor(1)]
[1, 2, 3][torch.tensor(1.0)]
f"{torch.tensor([1.0]):.2f}"
f"{torch.tensor(3.14159):.2f}"
x == None
x == "a"
3.0 in x
"a" in x
v + b
v + "a"
v + None
v * np.float64(2)
v @ v
x @ x
-b
b + b
b - b
i // 0
i % 0
v // 0
divmod(v, 2)
v.max(5)
x.max(1, keepdim=True)
torch.max(v, 2)
x.sum(5)
x.sum((0, 0))
i.mean()
torch.tensor([]).max()
torch.tensor([]).argmax()
torch.zeros(0, 3).max(0)
torch.zeros(0, 3).max(1)
y=torch.from_dlpack(np.arange(3.)); y
a=np.arange(3.); y=torch.from_dlpack(a); a[0]=9; y
y=np.from_dlpack(v); v[0]=7; y
torch.from_dlpack(g)
np.from_dlpack(g)
torch.utils.dlpack.from_dlpack(torch.utils.dlpack.to_dlpack(v))
torch.from_dlpack(5)
torch.from_dlpack(x[:,1]).tolist()
torch.as_tensor(np.arange(3)).dtype
a=np.zeros(2); torch.as_tensor(a)[0]=5; a.tolist()
torch.from_numpy([1,2])
torch.from_numpy(np.array(['a']))
torch.from_numpy(np.arange(3)[::-1])
torch.tensor('a')
torch.tensor([[1,2],[3]])
torch.tensor([1,'a'])
torch.tensor([])
torch.tensor([[]]).shape
torch.tensor([v[0],v[1]])
torch.tensor([v,v])
torch.tensor([1,2.5])
torch.tensor([True,2])
torch.tensor([1+2j,1])
torch.tensor(v)
torch.tensor(2**40)
torch.tensor(2**70)
torch.tensor([np.float32(1),2])
torch.tensor(np.float32(1))
torch.tensor([1.7],dtype=torch.int64)
torch.tensor([300],dtype=torch.uint8)
torch.tensor([-1],dtype=torch.uint8)
torch.tensor(float('nan'),dtype=torch.int64)
torch.tensor([1.,2.],requires_grad=True,dtype=torch.int64)
torch.tensor([1,2],requires_grad=True)
torch.ones(2,requires_grad=True,dtype=torch.int32)
torch.zeros(2,3)
torch.zeros((2,3)).shape
torch.zeros([2,3]).shape
torch.zeros(torch.Size([2])).shape
torch.zeros(-1)
torch.zeros(2.5)
torch.zeros('a')
torch.zeros(2,dtype=int).dtype
torch.zeros(2,dtype=float).dtype
torch.zeros(2,dtype=bool).dtype
torch.arange(5,2)
torch.arange(0,1,0)
torch.arange(3.)
torch.arange(1,4,dtype=torch.float64)
torch.linspace(0,1,-1)
torch.full((2,),True)
torch.full((2,),1.5).dtype
torch.full((2,),1).dtype
torch.full((2,),1j).dtype
torch.eye(2,3)
torch.ones_like(i).dtype
torch.empty(2,3).shape
torch.randint(5,(2,)).dtype
torch.randint(5,5,(2,))
torch.randperm(-1)
torch.normal(0.,1.)
torch.normal(0.,-1.,(2,))
torch.bernoulli(torch.tensor([2.]))
torch.multinomial(torch.tensor([0.,0.]),1)
torch.cat([])
torch.cat([v,x])
torch.cat(v)
torch.cat([v,None])
torch.cat([v,i[0]]).dtype
torch.stack([])
torch.stack([v,x])
torch.stack([v,v],5)
torch.split(v,0)
torch.split(v,[1,1])
torch.split(v,-1)
torch.chunk(v,0)
torch.where(v,v,v)
torch.where(b,v,0.)
torch.where(b,1,0)
torch.where(b)
torch.gather(x,0,torch.tensor([[5]]))
torch.gather(x,2,torch.tensor([[0]]))
torch.gather(x,0,torch.tensor([[0.]]))
torch.index_select(x,0,torch.tensor([5]))
v.scatter_(0,torch.tensor([5]),1.)
v.masked_fill(v,1.)
v.masked_fill(b,torch.ones(3))
v.masked_select(v)
torch.matmul(v,x)
torch.mm(v,v)
torch.bmm(x,x)
torch.dot(x,x)
torch.mm(x,x)
torch.mm(x,x.t().double())
torch.matmul(torch.tensor(1.),v)
torch.einsum('ij,jk',x,x)
torch.einsum('ij',v)
torch.einsum('i-j',v)
v.add_(x)
i.add_(1.5)
i.div_(2)
v.add_(torch.tensor(1j))
b.add_(1)
v.sqrt_()
i.sqrt_()
i.sqrt().dtype
v.clamp()
v.clamp(2)
v.clamp(2,1)
v.clamp(min=torch.tensor([2.,2.,2.]))
v.pow('a')
torch.pow(2,v)
torch.pow(2,3)
torch.add(v,1,alpha=2)
torch.add(i,1,alpha=2.5)
torch.sub(b,b)
torch.exp(2)
torch.exp([1])
torch.exp(v,out=torch.empty(3,dtype=torch.int64))
o=torch.empty(0); torch.exp(v,out=o); o
o=torch.empty(3,dtype=torch.float64); torch.exp(v,out=o); o
torch.exp(g,out=torch.empty(3))
torch.add(v,1,out=g)
v.sum(dtype='a')
torch.sort(x,5)
torch.sort(v,descending=True,stable=True)
torch.topk(v,5)
torch.topk(v,2)
torch.argsort(v,descending=True)
torch.unique(torch.tensor([3,1,1]),return_counts=True)
torch.cumsum(x,5)
torch.prod(b)
torch.var(torch.tensor([1.]))
torch.std(v)
torch.norm(i)
torch.allclose(v,v.double())
torch.allclose(v,v[:2])
torch.equal(v,v[:2])
torch.isclose(v,v)
v.all()
v.any()
(v>1).all(0)
torch.is_tensor(1)
torch.numel(x)
i.requires_grad_()
g.requires_grad=False; g
h=g*2; h.requires_grad=False
h=g*2; h.requires_grad_(False)
g.grad
g.sum().backward(); g.grad
x.backward()
(g*2).backward()
(g*2).backward(torch.ones(2))
(g*2).sum().backward(inputs=[v])
l=(g*2).sum(); l.backward(); l.backward()
l=(g**2).sum(); l.backward(); l.backward()
g.grad=torch.ones(2)
g.grad=torch.ones(3,dtype=torch.float64)
g.grad=1
g.grad=None; g.grad
g.data=torch.ones(2); g
g.data=1
g.detach_().requires_grad
h=g*1; h.detach_().requires_grad
h=(g*1)[0:2]; h.detach_()
v.retain_grad()
v.register_hook(print)
torch.autograd.grad(g.sum(),v)
torch.autograd.grad(g.sum(),g)
torch.autograd.grad(g,g)
torch.autograd.grad(g.sum(),[g,torch.ones(2,requires_grad=True)])
torch.autograd.grad(g.sum(),[g,torch.ones(2,requires_grad=True)],allow_unused=True)
torch.autograd.grad(g.sum(),[g,torch.ones(2,requires_grad=True)],materialize_grads=True)
torch.autograd.grad([],[g])
torch.autograd.grad(g.sum(),[])
torch.autograd.grad(g.sum(),1)
torch.autograd.grad(1,g)
torch.autograd.backward(g.sum(),inputs=[])
torch.autograd.backward([g.sum(),g.sum()])
torch.autograd.backward(g,grad_variables=torch.ones(3)); g.grad
copy.deepcopy(g)
copy.deepcopy(g*2)
copy.copy(g)
pickle.loads(pickle.dumps(g))
pickle.loads(pickle.dumps(g*2))
pickle.loads(pickle.dumps(x.max(0)))
pickle.loads(pickle.dumps(torch.float32)) is torch.float32
pickle.loads(pickle.dumps(torch.strided)) is torch.strided
copy.deepcopy(torch.contiguous_format) is torch.contiguous_format
repr(g)
repr(g*2)
repr(torch.tensor(1.))
repr(torch.tensor([1.,float('nan'),float('inf')]))
repr(torch.tensor([1e-10,1.]))
repr(torch.tensor([1e10,1.]))
repr(b)
repr(torch.tensor([1+2j]))
repr(torch.zeros(0,3))
repr(torch.tensor([],dtype=torch.int64))
repr(v.double())
repr(x.t())
str(torch.float32)
torch.float32.itemsize
torch.float32.is_floating_point
torch.finfo(torch.float32).eps
torch.iinfo(torch.int32).max
torch.finfo(torch.int32)
torch.finfo(torch.float16)
torch.iinfo(torch.int8)
torch.float32==np.float32
torch.promote_types(torch.int8,torch.uint8)
torch.result_type(v,1j)
torch.can_cast(torch.float32,torch.int32)
torch.broadcast_shapes((2,1),(3,))
torch.broadcast_shapes((2,),(3,))
torch.broadcast_tensors(v,x)
torch.broadcast_to(v,(2,2))
torch.tensor_split(v,0)
torch.meshgrid(v,v,indexing='foo')
torch.tril(v)
torch.diag(torch.zeros(2,2,2))
torch.trace(v)
torch.flip(v,[5])
torch.roll(v,1,5)
torch.repeat_interleave(v,-1)
v.repeat(0)
v.repeat(2,2).shape
x.repeat(2)
v.tile(2)
v.unfold(0,5,1)
v.unfold(0,2,1)
torch.bucketize(v,torch.tensor([1.,2.]))
torch.searchsorted(torch.tensor([1.,2.]),v)
torch.bincount(torch.tensor([-1]))
torch.histc(v,2)
torch.one_hot(v)
torch.nn.functional.one_hot(torch.tensor([5]),3)
torch.nn.functional.softmax(v)
torch.softmax(v,5)
torch.nn.functional.cross_entropy(x,torch.tensor([0,5]))
torch.nn.functional.cross_entropy(x,torch.tensor([0.,1.]))
torch.nn.functional.embedding(torch.tensor([9]),x)
torch.nn.functional.dropout(v,2.)
torch.nn.functional.linear(x,torch.ones(2,2))
torch.autograd.functional.jacobian(lambda a:a**2,v)
torch.autograd.functional.jacobian(lambda a:a**2,v,strategy='forward-mode',vectorize=True)
torch.autograd.functional.jacobian(lambda a:a**2,v,strategy='forward-mode')
torch.autograd.functional.jacobian(lambda a:a**2,v,strategy='foo')
torch.autograd.functional.jacobian(lambda a:a**2,v,vectorize=True)
torch.autograd.functional.jacobian(lambda a,c:(a*c,a.sum()),(v,v))
torch.autograd.functional.jacobian(lambda a:3,v)
torch.autograd.functional.jacobian(lambda a:a,3)
torch.autograd.functional.jacobian(lambda a:v,v,strict=True)
torch.autograd.functional.jacobian(lambda a:v,v)
torch.autograd.functional.hessian(lambda a:(a**3).sum(),v)
torch.autograd.functional.hessian(lambda a:a**3,v)
torch.autograd.functional.hessian(lambda a,c:(a*c).sum(),(v,v))
torch.autograd.functional.vjp(lambda a:a**2,v,torch.ones(3))
torch.autograd.functional.vjp(lambda a:a**2,v)
torch.autograd.functional.vjp(lambda a:(a**2).sum(),v)
torch.autograd.functional.vjp(lambda a:a**2,v,torch.ones(2))
torch.autograd.functional.jvp(lambda a:a**2,v,torch.ones(3))
torch.autograd.functional.jvp(lambda a:a**2,v)
torch.autograd.functional.vhp(lambda a:(a**3).sum(),v,torch.ones(3))
torch.autograd.functional.hvp(lambda a:(a**3).sum(),v,torch.ones(3))
torch.autograd.functional.hvp(lambda a:(a**3),v,torch.ones(3))
torch.autograd.functional.jacobian(lambda a:a**2,g,create_graph=True)
torch.autograd.functional.jacobian(lambda a:a**2,v,create_graph=True)
torch.func.grad(lambda a:(a**2).sum())(v)
torch.func.grad(lambda a:a**2)(v)
torch.func.grad(lambda a,c:(a*c).sum(),argnums=1)(v,v*2)
torch.func.grad(lambda a,c:(a*c).sum(),argnums=(0,1))(v,v*2)
torch.func.grad(lambda a,c:(a*c).sum(),argnums=5)(v,v*2)
torch.func.grad(lambda a,c:(a*c).sum(),argnums=-1)(v,v*2)
torch.func.grad(lambda a:((a**2).sum(),a),has_aux=True)(v)
torch.func.grad(lambda a:(a**2).sum(),has_aux=True)(v)
torch.func.grad(lambda a:3.)(v)
torch.func.grad(lambda a:a.sum())(i)
torch.func.grad_and_value(lambda a:(a**2).sum())(v)
torch.func.grad(torch.func.grad(lambda a:a**3))(torch.tensor(2.))
torch.func.grad(lambda d:(d['a']*d['b']).sum())({'a':v,'b':v*2})
torch.func.vjp(lambda a:a**2,v)[0]
torch.func.vjp(lambda a:a**2,v)[1](torch.ones(3))
torch.func.vjp(lambda a:a**2,v)[1](torch.ones(2))
torch.func.vjp(lambda a,c:(a*c,a),v,v)[1]((torch.ones(3),torch.ones(3)))
torch.func.jvp(lambda a:a**2,(v,),(torch.ones(3),))
torch.func.jvp(lambda a:a**2,v,torch.ones(3))
torch.func.jvp(lambda a:a**2,(v,),(torch.ones(2),))
torch.func.jacrev(lambda a:a**2)(v)
torch.func.jacfwd(lambda a:a**2)(v)
torch.func.jacrev(lambda a,c:a*c,argnums=(0,1))(v,v)
torch.func.jacfwd(lambda a:(a**2,a),has_aux=True)(v)
torch.func.jacrev(lambda a:{'k':a**2})(v)
torch.func.hessian(lambda a:(a**3).sum())(v)
torch.func.linearize(lambda a:a**2,v)[1](torch.ones(3))
torch.func.vmap(lambda a:a*2)(x)
torch.func.vmap(lambda a,c:a@c)(x,x)
torch.func.vmap(lambda a,c:a*c,in_dims=(0,None))(x,v)
torch.func.vmap(lambda a:a.sum(),in_dims=1)(x)
torch.func.vmap(lambda a:a*2,out_dims=1)(x)
torch.func.vmap(lambda a:(a,a.sum()))(x)
torch.func.vmap(lambda a:a.sum(),in_dims=5)(x)
torch.func.vmap(lambda a,c:a*c)(x,v)
torch.func.vmap(lambda a:3)(x)
torch.func.vmap(lambda a:a)(3)
torch.func.vmap(lambda d:d['a'])({'a':x})
torch.func.vmap(torch.func.grad(lambda a:(a**2).sum()))(x)
torch.func.vmap(lambda a:a+torch.rand(()),randomness='error')(x)
torch.func.vmap(lambda a:a*2,chunk_size=1)(x)
torch.func.vmap(lambda a:a,in_dims=None)(x)
torch.func.vmap(lambda a:a,randomness='foo')(x)
m=torch.nn.Linear(3,1); torch.func.functional_call(m,{'weight':torch.ones(1,3),'bias':torch.zeros(1)},v)
m=torch.nn.Linear(3,1); torch.func.functional_call(m,{'weigh':torch.ones(1,3)},v)
m=torch.nn.Linear(3,1); torch.func.functional_call(m,{'weight':torch.ones(1,3)},v,strict=True)
torch.func.stack_module_state([torch.nn.Linear(2,1),torch.nn.Linear(2,1)])[0]['weight'].shape
torch.func.stack_module_state([])
torch.is_anomaly_enabled()
h=(g*2).sum(); torch.autograd.grad(h,g,torch.tensor(3.))
h=(g*2); torch.autograd.grad(h,g,torch.ones(3,dtype=torch.float64))
h=(g*2); torch.autograd.grad(h,g,torch.ones(2))
h=(g*2); torch.autograd.grad([h,h.sum()],[g],[torch.ones(3),None])
h=(g*g); torch.autograd.grad(h,g,torch.eye(3),is_grads_batched=True)
h=(g*2); h.backward(torch.ones(3,requires_grad=True),create_graph=True); g.grad
h=(g.double()*2).sum(); h.backward(); g.grad
h=g.half().sum(); h.backward(); g.grad
h=g.median(); h.backward(); g.grad
h=g.to(torch.complex64).abs().sum(); h.backward(); g.grad
h=g.sum(dtype=torch.float64); h.backward(); g.grad
h=g.mean(dtype=torch.float64); h.backward(); g.grad
h=(g*torch.ones(3,dtype=torch.float64)).sum(); h.backward(); g.grad
h=(g*torch.tensor(2.,dtype=torch.float64)).sum(); h.backward(); g.grad
(g*g).grad_fn._saved_self
(g.exp()).grad_fn._saved_result
(g*g).grad_fn._saved_other
h=(g*g); s=h.grad_fn; h.sum().backward(); s._saved_self
h=g*2; a=[]; h.register_hook(lambda k:a.append(k)); h.sum().backward(); a
h=g*2; h.register_hook(lambda k:k*2); h.sum().backward(); g.grad
h=g*2; h.retain_grad(); h.sum().backward(); h.grad
h=g*2; a=[]; h.grad_fn.register_prehook(lambda k:a.append(k)); h.sum().backward(); a
h=g*2; a=[]; h.grad_fn.register_hook(lambda k,l:a.append((k,l))); h.sum().backward(); a
a=[]; g.register_post_accumulate_grad_hook(lambda k:a.append(k.grad)); (g*2).sum().backward(); a
a=[]; torch.autograd.graph.register_multi_grad_hook((g,),lambda k:a.append(k)); (g*2).sum().backward(); a
torch.autograd.graph.get_gradient_edge(g).output_nr
torch.autograd.graph.get_gradient_edge(v)
isinstance(g.sum().grad_fn,torch.autograd.graph.Node)
torch.is_grad_enabled()
torch.set_grad_enabled(False); k=(g*2).requires_grad; torch.set_grad_enabled(True); k
torch.inference_mode()(lambda:(g*2).requires_grad)()
torch.no_grad()(lambda:(g*2).requires_grad)()
torch.enable_grad()(lambda:(g*2).requires_grad)()
g.is_leaf
(g*2).is_leaf
v.is_leaf
g.detach().requires_grad
g.data.requires_grad
g.clone().is_leaf
g.requires_grad_(False).requires_grad
"""


def outcome(library, line: str) -> str:
    """What a line gives in a library, as text: of an error its kind."""
    library.manual_seed(0)
    names = {
        "torch": library,
        "np": np,
        "copy": copy,
        "pickle": pickle,
        "x": library.arange(6.0).reshape(2, 3),
        "i": library.arange(6).reshape(2, 3),
        "v": library.tensor([1.0, 2.0, 3.0]),
        "b": library.tensor([True, False, True]),
        "g": library.tensor([1.0, 2.0, 3.0], requires_grad=True),
    }
    before, _, last = line.rpartition(";")
    try:
        exec(before, names)
        try:
            code = compile(last.strip(), line, "eval")
        except SyntaxError:
            exec(last.strip(), names)
            return "None"
        return shown(eval(code, names), library)
    except Exception as error:
        return type(error).__name__


def shown(value, library) -> str:
    """A value as text that does not depend on the library."""
    if isinstance(value, library.Tensor):
        numbers = np.round(np.asarray(value.detach().numpy(), complex), 4).tolist()
        return f"{tuple(value.shape)} {value.dtype} {numbers} {value.requires_grad}"
    if isinstance(value, (list, tuple)):
        return f"{type(value).__name__} of {[shown(v, library) for v in value]}"
    return repr(value).replace("minigrad", "torch")


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("line", EXPRESSIONS.strip().splitlines())
def test_an_expression_means_the_same(line):
    assert outcome(minigrad, line) == outcome(torch, line)


@pytest.mark.filterwarnings("ignore")
def test_a_difference_would_be_seen():
    assert outcome(minigrad, "v + 1") != outcome(torch, "v + 2")
    assert outcome(minigrad, "v[5]") == "IndexError"
