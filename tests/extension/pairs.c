/* Functions that leak, and functions that look like it and do not, for the tests and the benchmark. */

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <fcntl.h>

/* Pages that nobody touches take no memory: losing a gigabyte of them is safe. */
#define TOUCHED 16

static void *volatile sink;

static PyObject *lose(size_t size)
{
    sink = malloc(size);
    if (sink == NULL)
        return PyErr_NoMemory();
    memset((void *)sink, 1, TOUCHED);
    sink = NULL;
    Py_RETURN_NONE;
}

static PyObject *use(size_t size)
{
    void *chunk = malloc(size);
    if (chunk == NULL)
        return PyErr_NoMemory();
    memset(chunk, 1, TOUCHED);
    sink = chunk;
    free(chunk);
    Py_RETURN_NONE;
}

#define PAIR(name, size) \
    static PyObject *leak_##name(PyObject *self, PyObject *none) { return lose(size); } \
    static PyObject *free_##name(PyObject *self, PyObject *none) { return use(size); }

PAIR(malloc_16, 16)
PAIR(malloc_24, 24)
PAIR(malloc_100, 100)
PAIR(malloc_1k, 1024)
PAIR(malloc_1m, 1 << 20)

/* Memory that the C library knows nothing of. */

#define MAPPED (64 * 1024)

static PyObject *leak_mmap(PyObject *self, PyObject *none)
{
    void *pages = mmap(NULL, MAPPED, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pages == MAP_FAILED)
        return PyErr_SetFromErrno(PyExc_OSError);
    memset(pages, 1, 4096);
    Py_RETURN_NONE;
}

static PyObject *free_mmap(PyObject *self, PyObject *none)
{
    void *pages = mmap(NULL, MAPPED, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pages == MAP_FAILED)
        return PyErr_SetFromErrno(PyExc_OSError);
    memset(pages, 1, 4096);
    munmap(pages, MAPPED);
    Py_RETURN_NONE;
}

/* References: of a new object, of a shared one, of an argument. */

static PyObject *leak_result(PyObject *self, PyObject *none)
{
    PyObject *result = PyList_New(0);
    Py_XINCREF(result);
    return result;
}

static PyObject *free_result(PyObject *self, PyObject *none)
{
    return PyList_New(0);
}

static PyObject *shared;

static PyObject *leak_shared(PyObject *self, PyObject *none)
{
    Py_INCREF(shared);
    Py_INCREF(shared);
    return shared;
}

static PyObject *free_shared(PyObject *self, PyObject *none)
{
    Py_INCREF(shared);
    return shared;
}

static PyObject *leak_argument(PyObject *self, PyObject *argument)
{
    Py_INCREF(argument);
    Py_RETURN_NONE;
}

static PyObject *free_argument(PyObject *self, PyObject *argument)
{
    Py_INCREF(argument);
    Py_DECREF(argument);
    Py_RETURN_NONE;
}

/* A list of the module's own. */

static PyObject *kept;
static PyObject *emptied;

static PyObject *append(PyObject *list, PyObject *item)
{
    int failed;
    if (item == NULL)
        return NULL;
    failed = PyList_Append(list, item);
    Py_DECREF(item);
    if (failed)
        return NULL;
    Py_RETURN_NONE;
}

static PyObject *leak_append(PyObject *self, PyObject *none)
{
    return append(kept, PyList_New(0));
}

static PyObject *free_append(PyObject *self, PyObject *none)
{
    if (PyList_GET_SIZE(emptied) >= 10 && PyList_SetSlice(emptied, 0, PyList_GET_SIZE(emptied), NULL) < 0)
        return NULL;
    return append(emptied, PyList_New(0));
}

static PyObject *grown;

static PyObject *leak_append_none(PyObject *self, PyObject *none)
{
    Py_INCREF(Py_None);
    return append(grown, Py_None);
}

/* What a function holds when it fails. */

static PyObject *leak_error(PyObject *self, PyObject *none)
{
    sink = malloc(64);
    sink = NULL;
    PyErr_SetString(PyExc_ValueError, "not a number");
    return NULL;
}

static PyObject *free_error(PyObject *self, PyObject *none)
{
    void *chunk = malloc(64);
    sink = chunk;
    free(chunk);
    PyErr_SetString(PyExc_ValueError, "not a number");
    return NULL;
}

/* An object whose deallocator forgets what it owns, and a cycle that no collector can see. */

typedef struct {
    PyObject_HEAD
    void *chunk;
    PyObject *other;
} Owner;

static int owner_init(Owner *self, PyObject *args, PyObject *kwargs)
{
    self->chunk = malloc(200);
    return 0;
}

static void forgetful_dealloc(Owner *self)
{
    Py_XDECREF(self->other);
    Py_TYPE(self)->tp_free((PyObject *)self);
}

static void owner_dealloc(Owner *self)
{
    Py_XDECREF(self->other);
    free(self->chunk);
    Py_TYPE(self)->tp_free((PyObject *)self);
}

static PyTypeObject Forgetful = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "pairs.Forgetful",
    .tp_basicsize = sizeof(Owner),
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_new = PyType_GenericNew,
    .tp_init = (initproc)owner_init,
    .tp_dealloc = (destructor)forgetful_dealloc,
};

static PyTypeObject Careful = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "pairs.Careful",
    .tp_basicsize = sizeof(Owner),
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_new = PyType_GenericNew,
    .tp_init = (initproc)owner_init,
    .tp_dealloc = (destructor)owner_dealloc,
};

static PyObject *make_and_drop(PyTypeObject *type)
{
    PyObject *owner = PyObject_CallNoArgs((PyObject *)type);
    if (owner == NULL)
        return NULL;
    Py_DECREF(owner);
    Py_RETURN_NONE;
}

static PyObject *leak_dealloc(PyObject *self, PyObject *none)
{
    return make_and_drop(&Forgetful);
}

static PyObject *free_dealloc(PyObject *self, PyObject *none)
{
    return make_and_drop(&Careful);
}

static PyObject *leak_cycle(PyObject *self, PyObject *none)
{
    Owner *owner = (Owner *)PyObject_CallNoArgs((PyObject *)&Careful);
    if (owner == NULL)
        return NULL;
    Py_INCREF(owner);
    owner->other = (PyObject *)owner;
    Py_DECREF(owner);
    Py_RETURN_NONE;
}

static PyObject *free_cycle(PyObject *self, PyObject *none)
{
    PyObject *list = PyList_New(0);
    if (list == NULL || PyList_Append(list, list) < 0)
        return NULL;
    Py_DECREF(list);
    Py_RETURN_NONE;
}

/* Descriptors. */

static PyObject *leak_fd(PyObject *self, PyObject *none)
{
    if (open("/dev/null", O_RDONLY) < 0)
        return PyErr_SetFromErrno(PyExc_OSError);
    Py_RETURN_NONE;
}

static PyObject *free_fd(PyObject *self, PyObject *none)
{
    int number = open("/dev/null", O_RDONLY);
    if (number < 0)
        return PyErr_SetFromErrno(PyExc_OSError);
    close(number);
    Py_RETURN_NONE;
}

/* What looks like a leak for a while: caches up to a bound, first use, free lists, buffers. */

#define ENTRIES 1000

static PyObject *free_full_cache(PyObject *self, PyObject *none)
{
    static void *entries[ENTRIES];
    static unsigned next;
    unsigned place = next++ % ENTRIES;
    free(entries[place]);
    entries[place] = malloc(48);
    Py_RETURN_NONE;
}

static PyObject *free_full_dict(PyObject *self, PyObject *none)
{
    static PyObject *cache;
    static long next;
    PyObject *key;
    int failed;
    if (cache == NULL && (cache = PyDict_New()) == NULL)
        return NULL;
    if (PyDict_GET_SIZE(cache) >= 512)
        PyDict_Clear(cache);
    key = PyLong_FromLong(1000000 + next++ % 5000);
    if (key == NULL)
        return NULL;
    failed = PyDict_SetItem(cache, key, key);
    Py_DECREF(key);
    if (failed)
        return NULL;
    Py_RETURN_NONE;
}

static PyObject *free_first_use(PyObject *self, PyObject *none)
{
    static __thread void *scratch;
    if (scratch == NULL)
        scratch = malloc(40000);
    Py_RETURN_NONE;
}

typedef struct Link {
    struct Link *next;
    char payload[56];
} Link;

static PyObject *free_list(PyObject *self, PyObject *none)
{
    static Link *spare;
    static int length;
    Link *taken[8];
    int i;
    for (i = 0; i < 8; i++) {
        taken[i] = spare;
        if (spare != NULL) {
            spare = spare->next;
            length--;
        } else {
            taken[i] = malloc(sizeof(Link));
        }
    }
    for (i = 0; i < 8; i++) {
        if (length < 80) {
            taken[i]->next = spare;
            spare = taken[i];
            length++;
        } else {
            free(taken[i]);
        }
    }
    Py_RETURN_NONE;
}

static PyObject *free_buffer(PyObject *self, PyObject *none)
{
    static char *buffer;
    static size_t capacity;
    static unsigned calls;
    size_t wanted = (size_t)(calls++ * 7919u) % 60000;
    if (wanted > capacity) {
        size_t larger = capacity * 2 > wanted ? capacity * 2 : wanted;
        char *moved = realloc(buffer, larger);
        if (moved == NULL)
            return PyErr_NoMemory();
        buffer = moved;
        capacity = larger;
    }
    Py_RETURN_NONE;
}

static PyObject *free_last_result(PyObject *self, PyObject *none)
{
    static char *last;
    static unsigned calls;
    free(last);
    last = malloc(16 + (size_t)(calls++ * 2654435761u) % 5000);
    Py_RETURN_NONE;
}

static PyObject *free_slabs(PyObject *self, PyObject *none)
{
    static void *slabs[16];
    static unsigned calls;
    unsigned i, now = calls++ % (16 * 64);
    if (now == 0)
        for (i = 0; i < 16; i++) {
            free(slabs[i]);
            slabs[i] = NULL;
        }
    if (now % 64 == 0)
        slabs[now / 64] = malloc(4096);
    Py_RETURN_NONE;
}

static PyObject *free_interned(PyObject *self, PyObject *none)
{
    return PyUnicode_InternFromString("pairs.an_interned_name");
}

static PyObject *free_lazy_import(PyObject *self, PyObject *none)
{
    PyObject *module = PyImport_ImportModule("xml.dom.minidom");
    if (module == NULL)
        return NULL;
    Py_DECREF(module);
    Py_RETURN_NONE;
}

#define LISTED(name, how) {#name, name, how, NULL}

static PyMethodDef functions[] = {
    LISTED(leak_malloc_16, METH_NOARGS), LISTED(free_malloc_16, METH_NOARGS),
    LISTED(leak_malloc_24, METH_NOARGS), LISTED(free_malloc_24, METH_NOARGS),
    LISTED(leak_malloc_100, METH_NOARGS), LISTED(free_malloc_100, METH_NOARGS),
    LISTED(leak_malloc_1k, METH_NOARGS), LISTED(free_malloc_1k, METH_NOARGS),
    LISTED(leak_malloc_1m, METH_NOARGS), LISTED(free_malloc_1m, METH_NOARGS),
    LISTED(leak_mmap, METH_NOARGS), LISTED(free_mmap, METH_NOARGS),
    LISTED(leak_result, METH_NOARGS), LISTED(free_result, METH_NOARGS),
    LISTED(leak_shared, METH_NOARGS), LISTED(free_shared, METH_NOARGS),
    LISTED(leak_argument, METH_O), LISTED(free_argument, METH_O),
    LISTED(leak_append, METH_NOARGS), LISTED(free_append, METH_NOARGS),
    LISTED(leak_append_none, METH_NOARGS),
    LISTED(leak_error, METH_NOARGS), LISTED(free_error, METH_NOARGS),
    LISTED(leak_dealloc, METH_NOARGS), LISTED(free_dealloc, METH_NOARGS),
    LISTED(leak_cycle, METH_NOARGS), LISTED(free_cycle, METH_NOARGS),
    LISTED(leak_fd, METH_NOARGS), LISTED(free_fd, METH_NOARGS),
    LISTED(free_full_cache, METH_NOARGS),
    LISTED(free_full_dict, METH_NOARGS),
    LISTED(free_first_use, METH_NOARGS),
    LISTED(free_list, METH_NOARGS),
    LISTED(free_buffer, METH_NOARGS),
    LISTED(free_last_result, METH_NOARGS),
    LISTED(free_slabs, METH_NOARGS),
    LISTED(free_interned, METH_NOARGS),
    LISTED(free_lazy_import, METH_NOARGS),
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, .m_name = "pairs", .m_size = -1, .m_methods = functions,
};

PyMODINIT_FUNC PyInit_pairs(void)
{
    if (PyType_Ready(&Forgetful) < 0 || PyType_Ready(&Careful) < 0)
        return NULL;
    shared = PyList_New(0);
    kept = PyList_New(0);
    emptied = PyList_New(0);
    grown = PyList_New(0);
    if (shared == NULL || kept == NULL || emptied == NULL || grown == NULL)
        return NULL;
    return PyModule_Create(&definition);
}
